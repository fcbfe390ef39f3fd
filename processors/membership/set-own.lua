-- Sets registers of a user's own; the higher position stays. Gives the profile that was there before, or ''.
local own = KEYS[1] -- hash: register -> position/json; also of a push token: userId -> position/time
-- ARGV: triples register, position, json

local before = redis.call('HGET', own, 'profile') or ''
for i = 1, #ARGV, 3 do
  local stored = redis.call('HGET', own, ARGV[i])
  if not stored or tonumber(string.match(stored, '^%d+')) < tonumber(ARGV[i + 1]) then
    redis.call('HSET', own, ARGV[i], ARGV[i + 1] .. '/' .. ARGV[i + 2])
  end
end
return before
