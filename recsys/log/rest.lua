-- Let lists of sessions rest: a note takes the place of what they held.
--
-- KEYS: the lists held whole, by when they were last used; then the lists.
-- ARGV: for each list when it was last used, in milliseconds, and its note.
-- Returns how many rest now. A list that was used since then stays as it is; one that has ended is only struck off.

local rested = 0

for number = 2, #KEYS do
    local list, used, note = KEYS[number], ARGV[2 * number - 3], ARGV[2 * number - 2]
    if tonumber(redis.call('ZSCORE', KEYS[1], list) or -1) == tonumber(used) then
        local lives = redis.call('PTTL', list)
        if lives > 0 then
            redis.call('UNLINK', list)
            redis.call('RPUSH', list, note)
            redis.call('PEXPIRE', list, lives)
            rested = rested + 1
        end
        redis.call('ZREM', KEYS[1], list)
    end
end

return rested
