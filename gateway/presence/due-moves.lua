-- Hands out users who have to be looked at by now, to one watcher at a time, and puts each off.
local due = KEYS[1] -- zset: userId -> ms from which on the user has to be looked at
local told = KEYS[2] -- set: users who were told to be online
local holder = KEYS[3] -- string: token of the watcher
local token = ARGV[1]
local leaseMs = ARGV[2] -- [integer] how long the watcher stays the one without a further call
local now = ARGV[3] -- [integer] wall clock, ms
local again = ARGV[4] -- [integer] when they are looked at again where nothing is heard
local limit = ARGV[5] -- [integer]

local held = redis.call('GET', holder)
if held and held ~= token then return {} end
redis.call('SET', holder, token, 'PX', leaseMs)
local found = {}
for _, user in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, limit)) do
  redis.call('ZADD', due, again, user)
  found[#found + 1] = user
  found[#found + 1] = redis.call('SISMEMBER', told, user)
end
return found
