-- Append a delta, unless a writer with a larger fence was here before.
--
-- KEYS: the stream of deltas; the largest fence. ARGV: fence, payload, most deltas.
-- Returns 0 when appended, else the larger fence.

local largest = tonumber(redis.call('GET', KEYS[2]) or '0')
if tonumber(ARGV[1]) < largest then
    return largest
end
redis.call('XADD', KEYS[1], 'MAXLEN', '=', ARGV[3], '*', 'delta', ARGV[2])
redis.call('SET', KEYS[2], ARGV[1])
return 0
