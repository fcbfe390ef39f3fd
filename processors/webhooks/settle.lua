-- Says what became of the head of a claimed lane. Answers LOST where the claim is somebody else's by now; the entry at
-- the new head where the claim goes on; otherwise nothing.
local due = KEYS[1] -- zset: sessionId by due time
local dead = KEYS[2] -- zset: sessionId by the time of giving up
local lane = KEYS[3] -- list of entries
local state = KEYS[4] -- hash
local waiting = KEYS[5] -- hash: hook -> deliveries waiting
local hook = ARGV[1]
local sessionId = ARGV[2]
local token = ARGV[3]
local offset = ARGV[4] -- [integer] of the head that was tried
local outcome = ARGV[5] -- delivered, retry, dead, released
local at = ARGV[6] -- [integer] when the claim lapses, or the lane is due, or was given up
local failingSince = ARGV[7] -- [integer] for retry
local keptMs = ARGV[8] -- [integer] how long an empty lane knows what was dropped

if redis.call('HGET', state, 'token') ~= token then return 'LOST' end
if outcome == 'delivered' then
  local head = redis.call('LINDEX', lane, 0)
  if head and string.match(head, '^%d+') == offset then
    redis.call('LPOP', lane)
    redis.call('HINCRBY', waiting, hook, -1)
  end
  local nextHead = redis.call('LINDEX', lane, 0)
  if not nextHead then
    redis.call('HDEL', state, 'token', 'attempts', 'failingSince')
    -- Only what was dropped behind the last entry is left, for the next one to tell.
    if redis.call('EXISTS', state) == 1 then redis.call('PEXPIRE', state, keptMs) end
    redis.call('ZREM', due, sessionId)
    return false
  end
  redis.call('HDEL', state, 'attempts', 'failingSince')
  redis.call('ZADD', due, at, sessionId)
  return nextHead
end
redis.call('HDEL', state, 'token')
if outcome ~= 'released' then redis.call('HINCRBY', state, 'attempts', 1) end
if outcome == 'dead' then
  redis.call('HSET', state, 'dead', 1)
  redis.call('ZREM', due, sessionId)
  redis.call('ZADD', dead, at, sessionId)
else
  if outcome == 'retry' then redis.call('HSET', state, 'failingSince', failingSince) end
  redis.call('ZADD', due, at, sessionId)
end
return false
