-- Raises the stored position of one partition, if the generation is still the one that its writer believes in.
-- Answers STORED, MOVED (another generation, or an emptied server), BEHIND (the server lost what it had confirmed)
-- or SEALED (a rebuild is about to switch: ask again).
local pointer = KEYS[1] -- string: the generation that the writer's kind (live or building) belongs to
local positions = KEYS[2] -- hash: partition -> JSON of Position
local seal = KEYS[3] -- string with a TTL: the generation whose positions stand still
local generation = ARGV[1] -- [string] the writer's generation
local partition = ARGV[2] -- [integer]
local before = ARGV[3] -- [integer] offset that the writer knows to be stored; empty when none was
local offset = ARGV[4] -- [integer] offset of the new position
local position = ARGV[5] -- [JSON] the new position

if redis.call('GET', pointer) ~= generation then return 'MOVED' end
if redis.call('GET', seal) == generation then return 'SEALED' end
local stored = redis.call('HGET', positions, partition)
local storedOffset = stored and tonumber(string.match(stored, '"offset":(-?%d+)'))
if before ~= '' and (not storedOffset or storedOffset < tonumber(before)) then return 'BEHIND' end
if not storedOffset or storedOffset < tonumber(offset) then redis.call('HSET', positions, partition, position) end
return 'STORED'
