-- Take or renew a lease.
--
-- KEYS: the lease; the last token. ARGV: holder, milliseconds, what the token must not fall below.
-- Returns the token, or nil while another holds the lease.

local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
    return nil
end
local token = tonumber(redis.call('GET', KEYS[2]) or '0')
local above = tonumber(ARGV[3])
if not holder or token < above then
    token = math.max(token, above) + 1
    redis.call('SET', KEYS[2], string.format('%d', token))
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return token
