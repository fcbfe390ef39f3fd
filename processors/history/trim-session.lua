-- Drops events of one session that are older than a time. Answers the time of the oldest event left, or '' for none.
local session = KEYS[1] -- hash: h -> lastSeq/count/at/firstSeq/firstAt/largeSince, e<seq>, p<packId>/<from>
local cutoff = tonumber(ARGV[1]) -- [integer] log time; what is older goes

local head = redis.call('HGET', session, 'h')
if not head then return '' end
local last, firstText, largeSince = string.match(head, '^(%d+/%d+/%d+)/(%d+)/%d+/(%d+)$')
local lastSeq, firstSeq = tonumber(string.match(last, '^%d+')), tonumber(firstText)
local firstAt = ''
while firstSeq <= lastSeq do
  local field = 'e' .. firstSeq
  local json = redis.call('HGET', session, field)
  local at = json and string.match(json, '"at":(%d+)')
  if at and tonumber(at) >= cutoff then
    firstAt = at
    break
  end
  if json then
    local packId, from = string.match(json, '"packId":"([^"]*)","from":"([^"]*)"')
    redis.call('HDEL', session, field, 'r' .. firstSeq, packId and 'p' .. packId .. '/' .. from or field)
  end
  firstSeq = firstSeq + 1
end
redis.call('HSET', session, 'h', table.concat({ last, firstSeq, firstAt == '' and 0 or firstAt, largeSince }, '/'))
return firstAt
