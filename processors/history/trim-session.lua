-- Drops events of one session that are older than a time. Answers the time of the oldest event left, or '' for none.
local head = KEYS[1] -- hash: lastSeq, firstSeq, firstAt, ...
local events = KEYS[2] -- hash: seq -> event frame as JSON text
local packs = KEYS[3] -- hash: packId/from -> seq/count/at
local cutoff = tonumber(ARGV[1]) -- [integer] log time; what is older goes

local stored = redis.call('HMGET', head, 'lastSeq', 'firstSeq')
if not stored[1] then return '' end
local lastSeq, firstSeq = tonumber(stored[1]), tonumber(stored[2])
local firstAt = ''
while firstSeq <= lastSeq do
  local json = redis.call('HGET', events, tostring(firstSeq))
  local at = json and string.match(json, '"at":(%d+)')
  if at and tonumber(at) >= cutoff then
    firstAt = at
    break
  end
  if json then
    local packId, from = string.match(json, '"packId":"([^"]*)","from":"([^"]*)"')
    if packId then redis.call('HDEL', packs, packId .. '/' .. from) end
    redis.call('HDEL', events, tostring(firstSeq))
  end
  firstSeq = firstSeq + 1
end
redis.call('HSET', head, 'firstSeq', firstSeq, 'firstAt', firstAt == '' and 0 or firstAt)
return firstAt
