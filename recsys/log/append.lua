-- Append events once each: deduplication, bound, record and the session's own list in one atomic step.
--
-- KEYS: the stream; the lists held whole, by when they were last used; then for each session in the batch its list and
--       its bitmap of sequence numbers.
-- ARGV: most records, most events in a list, seconds that a bitmap lives; for each session the seconds that its list
--       lives at least; then for each event: number of its session in KEYS (from 1; 0 = none), sequence number, payload,
--       payload as the session's list holds it.
-- Returns for each event its new offset, 'duplicate' or 'full'.

local stream = KEYS[1]
local room = tonumber(ARGV[1]) - redis.call('XLEN', stream)
local receipts = {}
local grown = {}
local sessions = (#KEYS - 2) / 2

for at = 4 + sessions, #ARGV, 4 do
    local session, seq, payload = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), ARGV[at + 2]
    local list, seen = KEYS[2 * session + 1], KEYS[2 * session + 2]
    local receipt
    if seq > 0 and redis.call('GETBIT', seen, seq) == 1 then
        receipt = 'duplicate'
    elseif room <= 0 then
        receipt = 'full'
    else
        receipt = redis.call('XADD', stream, '*', 'event', payload)
        room = room - 1
        if seq > 0 then
            redis.call('SETBIT', seen, seq, 1)
        end
        if session > 0 then
            redis.call('RPUSH', list, ARGV[at + 3])
            grown[session] = string.match(receipt, '^%d+')
        end
    end
    receipts[#receipts + 1] = receipt
end

for session = 1, sessions do
    if grown[session] then
        local list, ttl = KEYS[2 * session + 1], ARGV[3 + session]
        redis.call('LTRIM', list, -tonumber(ARGV[2]), -1)
        redis.call('EXPIRE', list, ttl, 'NX')
        redis.call('EXPIRE', list, ttl, 'GT')
        redis.call('EXPIRE', KEYS[2 * session + 2], ARGV[3])
        redis.call('ZADD', KEYS[2], grown[session], list)
    end
end

return receipts
