-- Notes what one user's list says of groups. The entry with the higher seq stays.
local groups = KEYS[1] -- hash: sessionId -> seq/joinSeq; joinSeq 0: the user is out
-- ARGV: triples sessionId, seq, joinSeq

for i = 1, #ARGV, 3 do
  local stored = redis.call('HGET', groups, ARGV[i])
  if not stored or tonumber(string.match(stored, '^%d+')) < tonumber(ARGV[i + 1]) then
    redis.call('HSET', groups, ARGV[i], ARGV[i + 1] .. '/' .. ARGV[i + 2])
  end
end
return 'OK'
