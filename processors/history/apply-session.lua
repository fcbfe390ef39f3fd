-- Appends events of one session, sets marks and who is in. Events at or below the last seq change nothing.
-- Answers {'GAP', lastSeq} without a write when the first new event does not follow the last one and gaps are not
-- allowed; else {'OK'}, for a group {'OK', largeSince, at, member, ...} with the members whose lists depend on this.
local head = KEYS[1] -- hash: lastSeq, firstSeq, firstAt (time of firstSeq), count, at, largeSince
local events = KEYS[2] -- hash: seq -> event frame as JSON text
local packs = KEYS[3] -- hash: packId/from -> seq/count/at
local marks = KEYS[4] -- hash: userId -> seq/count
local members = KEYS[5] -- set: userId of who is in; groups only
local left = KEYS[6] -- hash: userId -> seq/count/at of who is out; groups only
local eventsMax = tonumber(ARGV[1]) -- [integer] events kept
local ageMs = tonumber(ARGV[2]) -- [integer] age of the oldest kept, counted back from this session's newest
local allowGap = ARGV[3] == '1' -- [0|1] drop what is stored instead of answering GAP
local hotMembersMax = tonumber(ARGV[4]) -- [integer] members of a group that is not large; -1: no group
local lineCount = tonumber(ARGV[5])
local markCount = tonumber(ARGV[6])
local changeCount = tonumber(ARGV[7])
-- then lines: seq, count, at, packId/from, json; marks: userId, seq, count;
-- changes: '+' or '-', seq, count, at, n, n times userId
local LINES_AT = 8
local CHUNK = 1000 -- values in one call: Lua's stack is small

local stored = redis.call('HMGET', head, 'lastSeq', 'firstSeq', 'firstAt', 'largeSince')
local lastSeq = tonumber(stored[1] or 0)
local firstSeq = tonumber(stored[2] or 1)
local firstAt = tonumber(stored[3] or 0)
local largeSince = tonumber(stored[4] or 0)
local batchFirstSeq = tonumber(ARGV[LINES_AT])
local batchLastSeq = tonumber(ARGV[LINES_AT + (lineCount - 1) * 5])

local function flush(command, key, values)
  for i = 1, #values, CHUNK do
    redis.call(command, key, unpack(values, i, math.min(i + CHUNK - 1, #values)))
  end
end

local function dropFirst()
  local field = tostring(firstSeq)
  local json = redis.call('HGET', events, field)
  if json then
    local packId, from = string.match(json, '"packId":"([^"]*)","from":"([^"]*)"')
    if packId then redis.call('HDEL', packs, packId .. '/' .. from) end
    redis.call('HDEL', events, field)
  end
  firstSeq = firstSeq + 1
end

local function timeOf(seq)
  local json = redis.call('HGET', events, tostring(seq))
  return json and tonumber(string.match(json, '"at":(%d+)'))
end

local function setMarks(from)
  for i = from, from + (markCount - 1) * 3, 3 do
    local mark = redis.call('HGET', marks, ARGV[i])
    if not mark or tonumber(string.match(mark, '^%d+')) < tonumber(ARGV[i + 1]) then
      redis.call('HSET', marks, ARGV[i], ARGV[i + 1] .. '/' .. ARGV[i + 2])
    end
  end
end

local function applyChanges(from)
  local at = from
  for _ = 1, changeCount do
    local joins, seq, n = ARGV[at] == '+', tonumber(ARGV[at + 1]), tonumber(ARGV[at + 4])
    if seq > lastSeq then
      local value = ARGV[at + 1] .. '/' .. ARGV[at + 2] .. '/' .. ARGV[at + 3]
      local users, pairsOut = {}, {}
      for i = at + 5, at + 4 + n do
        users[#users + 1] = ARGV[i]
        pairsOut[#pairsOut + 1] = ARGV[i]
        pairsOut[#pairsOut + 1] = value
      end
      flush(joins and 'SADD' or 'SREM', members, users)
      if joins then flush('HDEL', left, users) else flush('HSET', left, pairsOut) end
      if largeSince == 0 and redis.call('SCARD', members) > hotMembersMax then
        largeSince = seq
        redis.call('HSET', head, 'largeSince', seq)
      end
    end
    at = at + 5 + n
  end
end

if batchLastSeq > lastSeq then
  local first = LINES_AT
  if batchFirstSeq <= lastSeq then first = LINES_AT + (lastSeq + 1 - batchFirstSeq) * 5 end
  local firstNew = tonumber(ARGV[first])
  if firstNew ~= lastSeq + 1 then
    if not allowGap then return { 'GAP', lastSeq } end
    redis.call('DEL', events, packs)
    firstSeq = firstNew
  end
  if firstSeq == firstNew then firstAt = tonumber(ARGV[first + 2]) end

  local lines, outcomes = {}, {}
  for i = first, LINES_AT + (lineCount - 1) * 5, 5 do
    lines[#lines + 1] = ARGV[i]
    lines[#lines + 1] = ARGV[i + 4]
    outcomes[#outcomes + 1] = ARGV[i + 3]
    outcomes[#outcomes + 1] = ARGV[i] .. '/' .. ARGV[i + 1] .. '/' .. ARGV[i + 2]
  end
  flush('HSET', events, lines)
  flush('HSET', packs, outcomes)

  local last = LINES_AT + (lineCount - 1) * 5
  local at = tonumber(ARGV[last + 2])
  local trimmed = false
  while firstSeq < batchLastSeq and (batchLastSeq - firstSeq >= eventsMax or firstAt < at - ageMs) do
    dropFirst()
    trimmed = true
    -- Only the time of what may stay matters.
    if batchLastSeq - firstSeq < eventsMax then firstAt = timeOf(firstSeq) or at end
  end
  if trimmed or firstSeq == firstNew or not stored[1] then
    redis.call('HSET', head, 'lastSeq', ARGV[last], 'count', ARGV[last + 1], 'at', ARGV[last + 2],
      'firstSeq', firstSeq, 'firstAt', string.format('%.0f', firstAt))
  else
    redis.call('HSET', head, 'lastSeq', ARGV[last], 'count', ARGV[last + 1], 'at', ARGV[last + 2])
  end
  setMarks(LINES_AT + lineCount * 5)
  applyChanges(LINES_AT + lineCount * 5 + markCount * 3)
end

if hotMembersMax < 0 then return { 'OK' } end
local answer = { 'OK', largeSince, redis.call('HGET', head, 'at') }
-- A group that turned large with these events, or after them, tells all of its members so.
if largeSince == 0 or largeSince >= batchFirstSeq then
  for _, userId in ipairs(redis.call('SMEMBERS', members)) do answer[#answer + 1] = userId end
end
return answer
