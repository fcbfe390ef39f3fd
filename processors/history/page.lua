-- Reads a page of one session: {lastSeq, firstSeq, seq of the first event of the page, json, ...}; where there are
-- reactions to an event, its text is followed by them: {json, reactions}.
local session = KEYS[1] -- hash: h -> lastSeq/count/at/firstSeq/..., e<seq> -> event frame as JSON text, r<seq> -> reactions
local direction = ARGV[1] -- [after|before]
local seq = tonumber(ARGV[2]) -- [integer] the page lies above (after) or below (before) this seq
local limit = tonumber(ARGV[3]) -- [integer] events at most

local head = redis.call('HGET', session, 'h')
if not head then return { 0, 1, 1 } end
local lastSeq, firstSeq = string.match(head, '^(%d+)/%d+/%d+/(%d+)')
lastSeq, firstSeq = tonumber(lastSeq), tonumber(firstSeq)
local from, to
if direction == 'after' then
  from = math.max(seq + 1, firstSeq)
  to = math.min(lastSeq, from + limit - 1)
else
  to = math.min(seq - 1, lastSeq)
  from = math.max(firstSeq, to - limit + 1)
end
local answer = { lastSeq, firstSeq, from }
if to >= from then
  local fields = {}
  for i = from, to do fields[#fields + 1] = 'e' .. i end
  for i = from, to do fields[#fields + 1] = 'r' .. i end
  local texts, length = redis.call('HMGET', session, unpack(fields)), to - from + 1
  for i = 1, length do
    local json, reactions = texts[i] or '', texts[length + i]
    answer[#answer + 1] = reactions and { json, reactions } or json
  end
end
return answer
