-- Raises numbers of a hash; lower ones change nothing.
local seqs = KEYS[1] -- hash: field -> seq
local ttl = ARGV[1]  -- [integer] ms that the hash is kept from now on
-- ARGV from 2: pairs field, seq

for i = 2, #ARGV, 2 do
  local stored = redis.call('HGET', seqs, ARGV[i])
  if not stored or tonumber(stored) < tonumber(ARGV[i + 1]) then
    redis.call('HSET', seqs, ARGV[i], ARGV[i + 1])
  end
end
redis.call('PEXPIRE', seqs, ttl)
return 'OK'
