-- Replays or discards a lane that was given up. Answers the number of its deliveries, 0 where it is not dead.
local due = KEYS[1] -- zset: sessionId by due time
local dead = KEYS[2] -- zset: sessionId by the time of giving up
local lane = KEYS[3] -- list of entries
local state = KEYS[4] -- hash
local waiting = KEYS[5] -- hash: hook -> deliveries waiting
local hook = ARGV[1]
local sessionId = ARGV[2]
local what = ARGV[3] -- replay, discard
local now = ARGV[4] -- [integer] wall clock, ms

if redis.call('ZREM', dead, sessionId) == 0 then return 0 end
local length = redis.call('LLEN', lane)
if what == 'replay' then
  redis.call('HDEL', state, 'dead', 'attempts', 'failingSince')
  redis.call('ZADD', due, now, sessionId)
else
  redis.call('DEL', lane, state)
  redis.call('HINCRBY', waiting, hook, -length)
end
return length
