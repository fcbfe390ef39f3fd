-- Reads everything that keys hold, for readers that want all of many things: for each thing the answers of its keys.
-- KEYS per thing: as many as ARGV[2] has letters
local valuesMax = tonumber(ARGV[1]) -- [integer] once so many values were read no further thing is
local kinds = ARGV[2] -- [string] letter per key of a thing: h hash, s set, z sorted set with scores, m sorted set without
local READS = {
  h = function(key) return redis.call('HGETALL', key) end,
  s = function(key) return redis.call('SMEMBERS', key) end,
  z = function(key) return redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end,
  m = function(key) return redis.call('ZRANGE', key, 0, -1) end,
}

local answers, values = {}, 0
for first = 1, #KEYS, #kinds do
  if values >= valuesMax then break end
  local answer = {}
  for i = 1, #kinds do
    answer[i] = READS[string.sub(kinds, i, i)](KEYS[first + i - 1])
    values = values + #answer[i]
  end
  answers[#answers + 1] = answer
end
return answers
