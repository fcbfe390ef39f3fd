-- Sets the position of a partition where it is further than the stored one: a write that was long on its way is late.
local key = KEYS[1]
local position = ARGV[1]         -- [JSON]
local offset = tonumber(ARGV[2]) -- [integer] of the position

local stored = redis.call('GET', key)
if not stored or cjson.decode(stored).offset < offset then
  redis.call('SET', key, position)
end
return 'OK'
