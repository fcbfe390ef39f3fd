-- Claims lanes of a webhook that are due. Answers the time at which the next lane is due (empty: none waits), then for
-- each claimed lane its sessionId, attempts, failingSince and the entry at its head.
local due = KEYS[1] -- zset: sessionId by due time
-- Lanes and their states are named by the sessions found in it; they lie in the same slot.
local lanePrefix = ARGV[1]
local statePrefix = ARGV[2]
local token = ARGV[3] -- of the claim
local now = ARGV[4] -- [integer] wall clock, ms
local untilTime = ARGV[5] -- [integer] when the claim lapses
local limit = ARGV[6] -- [integer] lanes at most

local answer = { '' }
for _, sessionId in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, limit)) do
  local head = redis.call('LINDEX', lanePrefix .. sessionId, 0)
  if head then
    local state = statePrefix .. sessionId
    local values = redis.call('HMGET', state, 'attempts', 'failingSince')
    redis.call('HSET', state, 'token', token)
    redis.call('ZADD', due, untilTime, sessionId)
    answer[#answer + 1] = sessionId
    answer[#answer + 1] = values[1] or '0'
    answer[#answer + 1] = values[2] or '0'
    answer[#answer + 1] = head
  else
    redis.call('ZREM', due, sessionId)
  end
end
answer[1] = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')[2] or ''
return answer
