-- Notes what was told of users. Whoever is away is forgotten, unless they have moved since they were handed out.
local due = KEYS[1] -- zset: userId -> ms
local told = KEYS[2] -- set: users who were told to be online
local again = tonumber(ARGV[1]) -- [integer] to when they were put off
-- then pairs: userId, 1 (online) or 0

for i = 2, #ARGV, 2 do
  local user = ARGV[i]
  if ARGV[i + 1] == '1' then
    redis.call('SADD', told, user)
  else
    redis.call('SREM', told, user)
    if tonumber(redis.call('ZSCORE', due, user) or '-1') == again then redis.call('ZREM', due, user) end
  end
end
return 1
