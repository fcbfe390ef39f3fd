-- Sets registers of one user about others, and moves each other user who changed to the end of the list.
local friends = KEYS[1] -- hash: <peerId>#<register> -> position/json; the higher position stays
local order = KEYS[2] -- sorted set: peerId by the version at which it last changed
-- ARGV: quintuples peerId, register, position, json, '1' where the value is that of users who never met

local changed = {}
for i = 1, #ARGV, 5 do
  local field = ARGV[i] .. '#' .. ARGV[i + 1]
  local stored = redis.call('HGET', friends, field)
  if not stored or tonumber(string.match(stored, '^%d+')) < tonumber(ARGV[i + 2]) then
    redis.call('HSET', friends, field, ARGV[i + 2] .. '/' .. ARGV[i + 3])
    if ARGV[i + 4] ~= '1' or redis.call('ZSCORE', order, ARGV[i]) then changed[ARGV[i]] = true end
  end
end
local last = redis.call('ZRANGE', order, -1, -1, 'WITHSCORES')
local version = tonumber(last[2] or '0')
for i = 1, #ARGV, 5 do
  if changed[ARGV[i]] then
    changed[ARGV[i]] = nil
    version = version + 1
    redis.call('ZADD', order, version, ARGV[i])
  end
end
return 'OK'
