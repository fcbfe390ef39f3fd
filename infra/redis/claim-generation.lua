-- Names a live generation where there is none, or none of the wanted format. Answers {generation, '1' where it is new}.
local live = KEYS[1] -- string: the generation that readers use
local filling = KEYS[2] -- string: the generation with which the server was filled from nothing
local name = ARGV[1] -- [string] the name to give
local start = ARGV[2] -- [string] what names of the wanted format begin with; empty: they have no '-'

local found = redis.call('GET', live)
if found then
  local dash = string.find(found, '-', 1, true)
  if (dash and string.sub(found, 1, dash) or '') == start then return { found, '0' } end
end
redis.call('SET', live, name)
redis.call('SET', filling, name)
return { name, '1' }
