-- Raises stored positions, if the generation is still the one that its writer believes in. Answers for each partition
-- STORED, MOVED (another generation, or an emptied server), BEHIND (the server lost what it had confirmed) or SEALED (a
-- rebuild is about to switch: ask again).
local pointer = KEYS[1] -- string: the generation that the writer's kind (live or building) belongs to
local positions = KEYS[2] -- hash: partition -> JSON of Position
local seal = KEYS[3] -- string with a TTL: the generation whose positions stand still
local generation = ARGV[1] -- [string] the writer's generation
-- then per partition:
--   its number [integer]
--   offset that the writer knows to be stored [integer]; empty when none was
--   offset of the new position [integer]
--   the new position [JSON]

local isMoved = redis.call('GET', pointer) ~= generation
local isSealed = redis.call('GET', seal) == generation
local answers, raised = {}, {}
for i = 2, #ARGV, 4 do
  local partition, before, offset, position = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), ARGV[i + 3]
  local answer = isMoved and 'MOVED' or isSealed and 'SEALED' or 'STORED'
  if answer == 'STORED' then
    local stored = redis.call('HGET', positions, partition)
    local storedOffset = stored and tonumber(string.match(stored, '"offset":(-?%d+)'))
    if before ~= '' and (not storedOffset or storedOffset < tonumber(before)) then
      answer = 'BEHIND'
    elseif not storedOffset or storedOffset < offset then
      raised[#raised + 1] = partition
      raised[#raised + 1] = position
    end
  end
  answers[#answers + 1] = answer
end
if #raised > 0 then redis.call('HSET', positions, unpack(raised)) end
return answers
