-- Who is in a group: {seq of the last change, how, userId, stays, role, alias, mute, userId, ...}. How is 'all' for a
-- page of the list, 'since' for what has changed, then also with who is out.
local head = KEYS[1] -- hash: dismissedSeq, ...
local stays = KEYS[2] -- hash: userId -> stays as text
local present = KEYS[3] -- sorted set, all scores 0: userId
local changes = KEYS[4] -- sorted set: userId, score seq of the last change
local roles = KEYS[5] -- hash: userId -> versioned role
local aliases = KEYS[6] -- hash: userId -> versioned alias
local mutes = KEYS[7] -- hash: userId -> versioned time
local min = ARGV[1] -- [string] lower bound of ZRANGEBYLEX: '-' or '(' followed by a userId
local limit = tonumber(ARGV[2]) -- [integer]
local since = tonumber(ARGV[3]) -- [integer] seq; -1: the list from its beginning
local changesMax = tonumber(ARGV[4]) -- [integer] more changes than this are not told one by one

local last = redis.call('ZREVRANGE', changes, 0, 0, 'WITHSCORES')
local version = last[2] or '0'
local answer = { version, 'all' }
if redis.call('HEXISTS', head, 'dismissedSeq') == 1 then return answer end
local userIds
if since >= 0 and since <= tonumber(version) then
  local above = '(' .. ARGV[3]
  if redis.call('ZCOUNT', changes, above, '+inf') <= changesMax then
    userIds = redis.call('ZRANGEBYSCORE', changes, above, '+inf')
    answer[2] = 'since'
  end
end
userIds = userIds or redis.call('ZRANGEBYLEX', present, min, '+', 'LIMIT', 0, limit)
for _, userId in ipairs(userIds) do
  answer[#answer + 1] = userId
  answer[#answer + 1] = redis.call('HGET', stays, userId) or ''
  answer[#answer + 1] = redis.call('HGET', roles, userId) or ''
  answer[#answer + 1] = redis.call('HGET', aliases, userId) or ''
  answer[#answer + 1] = redis.call('HGET', mutes, userId) or ''
end
return answer
