-- Raises marks of sessions: what is higher already stays.
-- KEYS per session: hash: h, m<userId> -> seq/count, d<userId> -> seq
-- ARGV per session: number of marks [integer], then of each its field and its value, which begins with the seq
local place = 1
for _, session in ipairs(KEYS) do
  local count = tonumber(ARGV[place])
  if redis.call('HEXISTS', session, 'h') == 1 then
    for i = place + 1, place + 2 * count, 2 do
      local before = tonumber(string.match(redis.call('HGET', session, ARGV[i]) or '0', '^%d+'))
      if tonumber(string.match(ARGV[i + 1], '^%d+')) > before then redis.call('HSET', session, ARGV[i], ARGV[i + 1]) end
    end
  end
  place = place + 1 + 2 * count
end
return 'OK'
