-- Makes a rebuilt generation the live one, if it is at least as far in every partition.
-- Answers SWITCHED, BEHIND (not far enough yet) or MOVED (someone else's rebuild, or another live generation).
local live = KEYS[1] -- string: the generation that readers use
local building = KEYS[2] -- string: the generation that is being built
local seal = KEYS[3] -- string with a TTL
local livePositions = KEYS[4] -- hash: partition -> JSON of Position
local newPositions = KEYS[5] -- hash: partition -> JSON of Position
-- KEYS[6] and on: strings: who may write to the new generation; nobody once it is live
local generation = ARGV[1] -- [string] the new generation
local liveGeneration = ARGV[2] -- [string] the generation that livePositions belongs to; empty when there is none

local function offsetOf(json) return json and tonumber(string.match(json, '"offset":(-?%d+)')) end

if redis.call('GET', building) ~= generation then return 'MOVED' end
if (redis.call('GET', live) or '') ~= liveGeneration then return 'MOVED' end
if liveGeneration ~= '' then
  local all = redis.call('HGETALL', livePositions)
  for i = 1, #all, 2 do
    local reached = offsetOf(redis.call('HGET', newPositions, all[i]))
    if not reached or reached < offsetOf(all[i + 1]) then return 'BEHIND' end
  end
end
redis.call('SET', live, generation)
redis.call('DEL', building, seal, unpack(KEYS, 6))
return 'SWITCHED'
