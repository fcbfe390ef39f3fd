-- Gives a guard another value, where it still has the writer's; the same call again says the same. Answers 1, or 0.
local guard = KEYS[1] -- string: the value that only one writer has
local before = ARGV[1] -- [string]
local after = ARGV[2] -- [string]

local value = redis.call('GET', guard)
if value ~= before and value ~= after then return 0 end
redis.call('SET', guard, after)
return 1
