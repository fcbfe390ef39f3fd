-- Puts deliveries into their lanes, and the position with the last of them. Answers MOVED where the store has lost what
-- its writer knows to be stored; otherwise the numbers, from 1, of the deliveries for which there was no room.
local place = KEYS[1] -- hash: position, enqueued, notBefore
local waiting = KEYS[2] -- hash: hook -> deliveries waiting
-- then per delivery:
--   due [zset], lane [list] and state [hash] of its lane
local before = ARGV[1] -- offset that the writer knows to be stored [integer]; empty when none was
local upTo = tonumber(ARGV[2]) -- [integer] offset up to which these deliveries are all
local position = ARGV[3] -- [JSON] the new position; empty where more of the batch is to come
local positionOffset = tonumber(ARGV[4]) -- [integer]
local notBefore = ARGV[5] -- [integer] log time
local now = ARGV[6] -- [integer] wall clock, ms
local laneMax = tonumber(ARGV[7])
local hookMax = tonumber(ARGV[8])
-- then per delivery:
--   hook, sessionId, offset [integer], `<offset> <at>`, kind, body

local stored = redis.call('HGET', place, 'position')
local storedOffset = stored and tonumber(string.match(stored, '"offset":(-?%d+)'))
if before ~= '' and (not storedOffset or storedOffset < tonumber(before)) then return 'MOVED' end

local enqueued = tonumber(redis.call('HGET', place, 'enqueued') or '-1')
local dropped = {}
for number = 1, (#KEYS - 2) / 3 do
  local due, lane, state = KEYS[3 * number], KEYS[3 * number + 1], KEYS[3 * number + 2]
  local arg = 9 + 6 * (number - 1)
  local hook, sessionId, offset = ARGV[arg], ARGV[arg + 1], tonumber(ARGV[arg + 2])
  if offset > enqueued then
    local length = redis.call('LLEN', lane)
    local all = tonumber(redis.call('HGET', waiting, hook) or '0')
    if length >= laneMax or (all >= hookMax and length > 0) then
      redis.call('HINCRBY', state, 'dropped', 1)
      dropped[#dropped + 1] = number
    else
      local missed = redis.call('HGET', state, 'dropped') or '0'
      if missed ~= '0' then redis.call('HDEL', state, 'dropped') end
      local head = ARGV[arg + 3] .. ' ' .. missed .. ' ' .. ARGV[arg + 4]
      redis.call('PERSIST', state)
      redis.call('RPUSH', lane, head .. '\n' .. ARGV[arg + 5])
      redis.call('HINCRBY', waiting, hook, 1)
      if redis.call('HEXISTS', state, 'dead') == 0 then redis.call('ZADD', due, 'NX', now, sessionId) end
    end
  end
end
if upTo > enqueued then redis.call('HSET', place, 'enqueued', upTo) end
if position ~= '' and (not storedOffset or storedOffset < positionOffset) then
  redis.call('HSET', place, 'position', position, 'notBefore', notBefore)
end
return dropped
