-- Appends events of sessions, sets marks and who is in. Events at or below a session's last seq change nothing. Answers
-- for some sessions, by their number in the call from 1: {number, 'GAP'} without a write, where the first new event does
-- not follow the last one and gaps are not allowed; {number, 'OK', largeSince, at, member, ...} for groups that are asked
-- about, with the members whose lists depend on this.
-- KEYS per session:
--   hash: h -> lastSeq/count/at/firstSeq/firstAt/largeSince, e<seq>, p<packId>/<from>, m<userId>
--   groups only, set: userId of who is in
--   groups only, hash: userId -> seq/count/at of who is out
local eventsMax = tonumber(ARGV[1]) -- [integer] events kept
local ageMs = tonumber(ARGV[2]) -- [integer] age of the oldest kept, counted back from the session's newest
local allowGap = ARGV[3] == '1' -- [0|1] drop what is stored instead of answering GAP
local hotMembersMax = tonumber(ARGV[4]) -- [integer] members of a group that is not large
-- then per session:
--   single, group or asked: a group to answer for is 'asked'
--   seq of the first event, seq and time of the last one, number of marks [integers]
--   events: e<seq>, json, p<packId>/<from>, seq/count/at
--   marks: m<userId>, seq/count
--   groups only, number of changes, then changes: '+' or '-', seq, count, at, n, n times userId
local CHUNK = 1000 -- values in one call: Lua's stack is small

local function flush(command, key, values)
  for i = 1, #values, CHUNK do
    redis.call(command, key, unpack(values, i, math.min(i + CHUNK - 1, #values)))
  end
end

local function dropEvent(session, seq)
  local field = 'e' .. seq
  local json = redis.call('HGET', session, field)
  if not json then return end
  local packId, from = string.match(json, '"packId":"([^"]*)","from":"([^"]*)"')
  redis.call('HDEL', session, field, 'r' .. seq, packId and 'p' .. packId .. '/' .. from or field)
end

local function timeOf(session, seq)
  local json = redis.call('HGET', session, 'e' .. seq)
  return json and tonumber(string.match(json, '"at":(%d+)'))
end

local function dropAll(session)
  local dropped = {}
  for _, field in ipairs(redis.call('HKEYS', session)) do
    if string.match(field, '^[epr]') then dropped[#dropped + 1] = field end
  end
  flush('HDEL', session, dropped)
end

-- Who is in and out after the changes above lastSeq; gives when the group became large and where the changes end.
local function applyChanges(members, left, place, lastSeq, largeSince)
  local changeCount = tonumber(ARGV[place])
  place = place + 1
  for _ = 1, changeCount do
    local joins, seq, n = ARGV[place] == '+', tonumber(ARGV[place + 1]), tonumber(ARGV[place + 4])
    if seq > lastSeq then
      local value = ARGV[place + 1] .. '/' .. ARGV[place + 2] .. '/' .. ARGV[place + 3]
      local users, pairsOut = {}, {}
      for i = place + 5, place + 4 + n do
        users[#users + 1] = ARGV[i]
        pairsOut[#pairsOut + 1] = ARGV[i]
        pairsOut[#pairsOut + 1] = value
      end
      flush(joins and 'SADD' or 'SREM', members, users)
      if joins then flush('HDEL', left, users) else flush('HSET', left, pairsOut) end
      if largeSince == '0' and redis.call('SCARD', members) > hotMembersMax then largeSince = ARGV[place + 1] end
    end
    place = place + 5 + n
  end
  return largeSince, place
end

local answers = {}
local key, place, number = 1, 5, 0
while place <= #ARGV do
  number = number + 1
  local session, isGroup = KEYS[key], ARGV[place] ~= 'single'
  local asked = ARGV[place] == 'asked'
  local batchFirstSeq, batchLastSeq, at = tonumber(ARGV[place + 1]), tonumber(ARGV[place + 2]), tonumber(ARGV[place + 3])
  local linesAt = place + 5
  local marksAt = linesAt + (batchLastSeq - batchFirstSeq + 1) * 4
  local marksEnd = marksAt + tonumber(ARGV[place + 4]) * 2 - 1

  local head = redis.call('HGET', session, 'h')
  local lastSeq, firstSeq, firstAt, largeSince = '0', '1', '0', '0'
  if head then lastSeq, firstSeq, firstAt, largeSince = string.match(head, '^(%d+)/%d+/%d+/(%d+)/(%d+)/(%d+)$') end
  lastSeq, firstSeq, firstAt = tonumber(lastSeq), tonumber(firstSeq), tonumber(firstAt)
  local firstNew = lastSeq < batchFirstSeq and batchFirstSeq or lastSeq + 1
  local isGap = firstNew ~= lastSeq + 1 and not allowGap
  local isNew = batchLastSeq > lastSeq and not isGap

  if isGap then
    answers[#answers + 1] = { number, 'GAP' }
  elseif isNew then
    local firstLine = linesAt + (firstNew - batchFirstSeq) * 4
    if firstNew ~= lastSeq + 1 then
      dropAll(session)
      firstSeq = firstNew
    end
    if firstSeq == firstNew then firstAt = tonumber(string.match(ARGV[firstLine + 3], '(%d+)$')) end
    -- Who wrote has read what they wrote, and who joins what came before: the batch's marks are the highest ones, where
    -- nothing of it was stored before.
    local setUpTo = firstLine == linesAt and marksEnd or marksAt - 1
    for i = setUpTo + 1, marksEnd, 2 do
      if tonumber(string.match(ARGV[i + 1], '^%d+')) > lastSeq then redis.call('HSET', session, ARGV[i], ARGV[i + 1]) end
    end
    while firstLine + CHUNK <= setUpTo do
      redis.call('HSET', session, unpack(ARGV, firstLine, firstLine + CHUNK - 1))
      firstLine = firstLine + CHUNK
    end
    local lastLine = ARGV[marksAt - 1]
    -- The usual case is one write. What is to be dropped may have come with this very batch.
    local drops = firstSeq < batchLastSeq and (batchLastSeq - firstSeq >= eventsMax or firstAt < at - ageMs)
    if drops then
      redis.call('HSET', session, unpack(ARGV, firstLine, setUpTo))
      while firstSeq < batchLastSeq and (batchLastSeq - firstSeq >= eventsMax or firstAt < at - ageMs) do
        dropEvent(session, firstSeq)
        firstSeq = firstSeq + 1
        -- Only the time of what may stay matters.
        if batchLastSeq - firstSeq < eventsMax then firstAt = timeOf(session, firstSeq) or at end
      end
      firstLine = setUpTo + 1
    end
    if isGroup then largeSince = applyChanges(KEYS[key + 1], KEYS[key + 2], marksEnd + 1, lastSeq, largeSince) end
    head = table.concat({ lastLine, firstSeq, string.format('%.0f', firstAt), largeSince }, '/')
    redis.call('HSET', session, 'h', head, unpack(ARGV, firstLine, setUpTo))
  end

  if asked and not isGap then
    local answer = { number, 'OK', largeSince, string.match(head, '^%d+/%d+/(%d+)/') }
    -- A group that turned large with these events, or after them, tells all of its members so.
    if largeSince == '0' or tonumber(largeSince) >= batchFirstSeq then
      for _, userId in ipairs(redis.call('SMEMBERS', KEYS[key + 1])) do answer[#answer + 1] = userId end
    end
    answers[#answers + 1] = answer
  end

  place = marksEnd + 1
  if isGroup then
    local changeCount = tonumber(ARGV[place])
    place = place + 1
    for _ = 1, changeCount do place = place + 5 + tonumber(ARGV[place + 4]) end
  end
  key = key + (isGroup and 3 or 1)
end
return answers
