-- Wake a session's list that rests: put back what its note stands for.
--
-- KEYS: the lists held whole, by when they were last used; the list.
-- ARGV: the note; then what it stands for, newest first, at least one.
-- Nothing happens where the note is gone: the list has ended, was forgotten, or somebody else woke it.

local held, list = KEYS[1], KEYS[2]

if redis.call('LINDEX', list, 0) ~= ARGV[1] then
    return 0
end

redis.call('LSET', list, 0, ARGV[2])
for at = 3, #ARGV do
    redis.call('LPUSH', list, ARGV[at])
end
local now = redis.call('TIME')
redis.call('ZADD', held, now[1] .. string.format('%03d', math.floor(now[2] / 1000)), list)
return 1
