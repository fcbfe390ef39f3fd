-- Applies what events of sessions do besides standing in the timeline. What lies at or below the last seq that was
-- applied so changes nothing.
-- KEYS per session:
--   hash: x -> last seq applied; e<seq>, q<seq> -> JSON text; r<seq> -> reactions; o<seq> -> seq/text of the last event
--     that changed the content, the text without it
--   sorted set: seq of counted messages that stopped counting
--   sorted set: <seq>/<userId> or <seq>/* by seq
--   sorted set: <seq>/<at> by offset, of what must not be missed
local stoppedMax = tonumber(ARGV[1]) -- [integer] each of these sets keeps its newest
local mentionsMax = tonumber(ARGV[2]) -- [integer]
local urgentMax = tonumber(ARGV[3]) -- [integer]
local urgentAgeMs = tonumber(ARGV[4]) -- [integer] counted back from the newest
-- then per session: number of amendments, then of each its kind, its seq and
--   revise: target, body, JSON of the state up to the version, version or '', stops [0|1], stripped text or '', n, n whom
--   erase: userId or '*', body, JSON of the state up to the version
--   mention: n, n times whom
--   react: target, '+' or '-', emoji, userId
--   urgent: offset, time, JSON text

local BODY, STATE = ',"body":', ',"state":{"change":"'
local OVERRIDE = ',"body":{"kind":"MessageOverridden","target":{"seq":(%d+)'

local function isFinal(json)
  return string.find(json, STATE .. 'revoked"', 1, true) or string.find(json, STATE .. 'deleted"', 1, true)
end

local function rewrite(session, field, body, state)
  local json = redis.call('HGET', session, field)
  if not json then return end
  local head = string.sub(json, 1, string.find(json, BODY, 1, true) - 1)
  redis.call('HSET', session, field, table.concat({ head, BODY, body, ',"state":', state, '}' }))
end

-- Takes the content out of the event that changed a message last: it goes with the content of the message.
local function strip(session, field)
  local override = redis.call('HGET', session, field)
  if not override then return end
  local seq, text = string.match(override, '^(%d+)/(.*)$')
  for _, letter in ipairs({ 'e', 'q' }) do
    if redis.call('HEXISTS', session, letter .. seq) == 1 then redis.call('HSET', session, letter .. seq, text) end
  end
  redis.call('HDEL', session, field)
end

local function mention(mentions, seq, from, n)
  for i = from, from + n - 1 do redis.call('ZADD', mentions, seq, seq .. '/' .. ARGV[i]) end
  redis.call('ZREMRANGEBYRANK', mentions, 0, -mentionsMax - 1)
end

local function revise(session, stopped, mentions, seq, i)
  local target, body, state, version, stripped, n =
    ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 5], tonumber(ARGV[i + 6])
  local json = redis.call('HGET', session, 'e' .. target) or redis.call('HGET', session, 'q' .. target)
  if ARGV[i + 4] == '1' then
    redis.call('ZADD', stopped, target, target)
    redis.call('ZREMRANGEBYRANK', stopped, 0, -stoppedMax - 1)
  end
  if not (json and isFinal(json)) then
    local before = json and string.match(json, STATE .. 'edited".*"version":(%d+)}}$')
    local now = state .. (version == '' and (before or '0') or version) .. '}'
    strip(session, 'o' .. target)
    rewrite(session, 'e' .. target, body, now)
    rewrite(session, 'q' .. target, body, now)
    redis.call('ZREMRANGEBYSCORE', mentions, target, target)
    mention(mentions, target, i + 7, n)
    if stripped == '' then
      redis.call('HDEL', session, 'r' .. target)
    else
      redis.call('HSET', session, 'o' .. target, seq .. '/' .. stripped)
    end
  end
  return i + 7 + n
end

-- What erasing makes of the text of an event, as erasedJson says it; nil where it has nothing of the user.
local function erasedText(json, userId, body, state)
  local at = string.find(json, BODY, 1, true)
  local head, rest = string.sub(json, 1, at - 1), string.sub(json, at + #BODY)
  if userId ~= '*' then
    local alias = '{"kind":"AliasSet","userId":"' .. userId .. '","alias":"'
    if string.sub(rest, 1, #alias) == alias then return head .. BODY .. alias .. '"}}' end
    if not string.find(head, ',"from":"' .. userId .. '",', 1, true) then return nil end
    if string.find(rest, '{"kind":"MessageAccepted"', 1, true) ~= 1 then return nil end
  end
  if isFinal(json) then return nil end
  local version = string.match(json, STATE .. 'edited".*"version":(%d+)}}$') or '0'
  return table.concat({ head, BODY, body, ',"state":', state, version, '}}' })
end

local function erase(session, mentions, seq, i)
  local userId, body, state = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local fields = redis.call('HGETALL', session)
  for f = 1, #fields, 2 do
    local letter = string.sub(fields[f], 1, 1)
    local mine = userId == '*' or string.find(fields[f + 1], ',"from":"' .. userId .. '",', 1, true)
    if letter == 'o' and mine then strip(session, fields[f]) end
  end
  for f = 1, #fields, 2 do
    local letter, target = string.match(fields[f], '^([eq])(%d+)$')
    if letter and tonumber(target) < seq then
      -- It may have been stripped just now.
      local after = erasedText(redis.call('HGET', session, fields[f]), userId, body, state)
      if after then
        redis.call('HSET', session, fields[f], after)
        redis.call('ZREMRANGEBYSCORE', mentions, target, target)
        redis.call('HDEL', session, 'r' .. target)
      end
    end
  end
  return i + 3
end

-- Reactions are pairs of an emoji and its users, in the order in which they came.
local function react(session, i)
  local target, adds, emoji, userId = ARGV[i], ARGV[i + 1] == '+', ARGV[i + 2], ARGV[i + 3]
  local json = redis.call('HGET', session, 'e' .. target)
  if not json or isFinal(json) then return i + 4 end
  local before = redis.call('HGET', session, 'r' .. target)
  local after, found = {}, false
  for _, pair in ipairs(before and cjson.decode(before) or {}) do
    local users = {}
    for _, user in ipairs(pair[2]) do
      if pair[1] ~= emoji or user ~= userId then users[#users + 1] = user end
    end
    if pair[1] == emoji then found = true end
    if pair[1] == emoji and adds then users[#users + 1] = userId end
    if #users > 0 then after[#after + 1] = { pair[1], users } end
  end
  if adds and not found then after[#after + 1] = { emoji, { userId } } end
  if #after == 0 then
    redis.call('HDEL', session, 'r' .. target)
  else
    redis.call('HSET', session, 'r' .. target, cjson.encode(after))
  end
  return i + 4
end

local function urge(session, urgent, seq, i)
  local offset, at, json = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2]
  redis.call('ZADD', urgent, offset, seq .. '/' .. ARGV[i + 1])
  redis.call('HSET', session, 'q' .. seq, json)
  local extra = redis.call('ZCARD', urgent) - urgentMax
  while true do
    local oldest = redis.call('ZRANGE', urgent, 0, 0)[1]
    local oldSeq, oldAt = string.match(oldest, '^(%d+)/(%d+)$')
    if extra <= 0 and tonumber(oldAt) >= at - urgentAgeMs then break end
    local target = string.match(redis.call('HGET', session, 'q' .. oldSeq) or '', OVERRIDE)
    local override = target and redis.call('HGET', session, 'o' .. target)
    if override and string.match(override, '^%d+') == oldSeq then strip(session, 'o' .. target) end
    redis.call('ZREM', urgent, oldest)
    redis.call('HDEL', session, 'q' .. oldSeq)
    extra = extra - 1
  end
  return i + 3
end

local place, key = 5, 1
while place <= #ARGV do
  local session, stopped, mentions, urgent = KEYS[key], KEYS[key + 1], KEYS[key + 2], KEYS[key + 3]
  local applied = tonumber(redis.call('HGET', session, 'x') or '0')
  local last, count = applied, tonumber(ARGV[place])
  place = place + 1
  for _ = 1, count do
    local kind, seq, i = ARGV[place], tonumber(ARGV[place + 1]), place + 2
    local isNew = seq > applied
    if isNew then last = seq end
    if kind == 'revise' then
      place = isNew and revise(session, stopped, mentions, ARGV[place + 1], i) or i + 7 + tonumber(ARGV[i + 6])
    elseif kind == 'erase' then
      place = isNew and erase(session, mentions, seq, i) or i + 3
    elseif kind == 'mention' then
      local n = tonumber(ARGV[i])
      if isNew then mention(mentions, ARGV[place + 1], i + 1, n) end
      place = i + 1 + n
    elseif kind == 'react' then
      place = isNew and react(session, i) or i + 4
    else
      place = isNew and urge(session, urgent, ARGV[place + 1], i) or i + 3
    end
  end
  if last > applied then redis.call('HSET', session, 'x', string.format('%.0f', last)) end
  key = key + 4
end
return 'OK'
