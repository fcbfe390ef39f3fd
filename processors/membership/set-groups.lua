-- Notes what one user's list says of groups. The entry with the higher version stays.
local groups = KEYS[1] -- hash: sessionId -> seq/joinSeq; joinSeq 0: the user is out
local roles = KEYS[2] -- hash: sessionId -> versioned role
local touched = KEYS[3] -- hash: sessionId -> partition/offset of the last event about it
-- ARGV: sessionId, partition, offset, seq (0: neither came nor went), joinSeq, roleSeq (0: no other role), role

local function isLater(key, field, pattern, version)
  local stored = redis.call('HGET', key, field)
  return not stored or tonumber(string.match(stored, pattern)) < tonumber(version)
end

for i = 1, #ARGV, 7 do
  local sessionId, partition, offset, seq, joinSeq, roleSeq, role = unpack(ARGV, i, i + 6)
  if isLater(touched, sessionId, '%d+$', offset) then
    redis.call('HSET', touched, sessionId, partition .. '/' .. offset)
  end
  if seq ~= '0' and isLater(groups, sessionId, '^%d+', seq) then
    redis.call('HSET', groups, sessionId, seq .. '/' .. joinSeq)
  end
  if roleSeq ~= '0' and isLater(roles, sessionId, '^%d+', roleSeq) then
    redis.call('HSET', roles, sessionId, roleSeq .. ' ' .. role)
  end
end
return 'OK'
