-- Counts the bytes of an upload to a user's day. Answers 1, or 0 and counts nothing where they would be too many.
local day = KEYS[1] -- string: bytes so far
local bytes = tonumber(ARGV[1])
local max = tonumber(ARGV[2])
local keptMs = ARGV[3] -- [integer]

local used = tonumber(redis.call('GET', day) or '0')
if used + bytes > max then return 0 end
redis.call('SET', day, used + bytes, 'PX', keptMs)
return 1
