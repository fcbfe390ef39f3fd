-- Raises marks of one session: what is higher already stays.
local session = KEYS[1] -- hash: h, m<userId> -> seq/count, d<userId> -> seq
-- ARGV: pairs of a field and its value, which begins with the seq

if redis.call('HEXISTS', session, 'h') == 0 then return 'OK' end
for i = 1, #ARGV, 2 do
  local before = tonumber(string.match(redis.call('HGET', session, ARGV[i]) or '0', '^%d+'))
  if tonumber(string.match(ARGV[i + 1], '^%d+')) > before then redis.call('HSET', session, ARGV[i], ARGV[i + 1]) end
end
return 'OK'
