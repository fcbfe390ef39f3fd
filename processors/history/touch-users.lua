-- Puts sessions into the lists of users. Times only grow, and a large group stays one.
-- KEYS per user:
--   sorted set: sessionId by the minute of the last event that the user may see
--   set: sessionId of large groups
local hotMax = tonumber(ARGV[1]) -- [integer] sessions that the first keeps, the newest ones
-- then per user: number of sessions, number of large groups; times and ids of the sessions; ids of the large groups
local CHUNK = 1000 -- values in one call: Lua's stack is small

local key, place = 1, 2
while place <= #ARGV do
  local hot, large = KEYS[key], KEYS[key + 1]
  local largeAt = place + 2 + tonumber(ARGV[place]) * 2
  local nextAt = largeAt + tonumber(ARGV[place + 1])
  local added = 0
  for i = place + 2, largeAt - 1, CHUNK do
    added = added + redis.call('ZADD', hot, 'GT', unpack(ARGV, i, math.min(i + CHUNK, largeAt) - 1))
  end
  for i = largeAt, nextAt - 1, CHUNK do
    redis.call('SADD', large, unpack(ARGV, i, math.min(i + CHUNK, nextAt) - 1))
    redis.call('ZREM', hot, unpack(ARGV, i, math.min(i + CHUNK, nextAt) - 1))
  end
  -- Only a list with a new session can have outgrown its bound.
  if added > 0 and redis.call('ZCARD', hot) > hotMax then redis.call('ZREMRANGEBYRANK', hot, 0, -hotMax - 1) end
  key, place = key + 2, nextAt
end
return 'OK'
