-- Drops lanes that have been dead, or due without being claimed, since before a time. Answers how many deliveries.
local waiting = KEYS[1] -- hash: hook -> deliveries waiting
-- then per hook:
--   due [zset] and dead [zset]
local before = ARGV[1] -- [integer] wall clock, ms
local limit = ARGV[2] -- [integer] lanes of each zset at most
-- then per hook:
--   its name, and what its lanes' and their states' names begin with; these lie in the same slot

local dropped = 0
for number = 1, (#KEYS - 1) / 2 do
  local arg = 3 + 3 * (number - 1)
  local hook, lanePrefix, statePrefix = ARGV[arg], ARGV[arg + 1], ARGV[arg + 2]
  for which = 0, 1 do
    local set = KEYS[2 * number + which]
    for _, sessionId in ipairs(redis.call('ZRANGEBYSCORE', set, '-inf', '(' .. before, 'LIMIT', 0, limit)) do
      local length = redis.call('LLEN', lanePrefix .. sessionId)
      redis.call('DEL', lanePrefix .. sessionId, statePrefix .. sessionId)
      redis.call('ZREM', set, sessionId)
      redis.call('HINCRBY', waiting, hook, -length)
      dropped = dropped + length
    end
  end
end
return dropped
