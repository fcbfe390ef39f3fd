-- Reads a page of one session: {lastSeq, firstSeq, seq of the first event of the page, json, ...}.
local session = KEYS[1] -- hash: h -> lastSeq/count/at/firstSeq/..., e<seq> -> event frame as JSON text
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
  for _, json in ipairs(redis.call('HMGET', session, unpack(fields))) do
    answer[#answer + 1] = json or ''
  end
end
return answer
