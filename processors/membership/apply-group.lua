-- Notes what events say of one group. Facts are kept by version: the same again, or late, changes nothing.
local head = KEYS[1] -- hash: owner, info, settings (versioned texts), createdSeq, dismissedSeq, changed, invitedAt
local stays = KEYS[2] -- hash: userId -> stays as text, +1-5+9
local present = KEYS[3] -- sorted set, all scores 0: userId of who is in; left as it is by a dismissal
local changes = KEYS[4] -- sorted set: userId, score seq of the last change
local roles = KEYS[5] -- hash: userId -> versioned role
local aliases = KEYS[6] -- hash: userId -> versioned alias
local mutes = KEYS[7] -- hash: userId -> versioned time
local requests = KEYS[8] -- hash: userId -> offset, at, message
local invites = KEYS[9] -- hash: inviteId -> offset, usedOffset, uses, by, expiresAt, usesMax
local uses = KEYS[10] -- with inviteId behind it, in the same slot: set: offset of each use of that invite
local endedRequests = KEYS[11] -- hash: userId -> offset of the last request that was ended
local endedInvites = KEYS[12] -- sorted set: inviteId, score expiresAt, of those that ended before
local changed = tonumber(ARGV[1]) -- [integer] offset of the last event that a list shows; -1: none
-- then facts, each its kind and fields (redis-membership-store.ts)

local function insert(text, sign, seq)
  local out, done = {}, false
  for oldSign, oldSeq in string.gmatch(text, '([+-])(%d+)') do
    local old = tonumber(oldSeq)
    if not done and old == tonumber(seq) then return text end
    if not done and old > tonumber(seq) then
      out[#out + 1] = sign .. seq
      done = true
    end
    out[#out + 1] = oldSign .. oldSeq
  end
  if not done then out[#out + 1] = sign .. seq end
  return table.concat(out)
end

local function setLater(key, field, version, value)
  local stored = redis.call('HGET', key, field)
  if stored and tonumber(string.match(stored, '^%d+')) >= tonumber(version) then return end
  redis.call('HSET', key, field, version .. ' ' .. value)
end

local function touch(userId, seq)
  redis.call('ZADD', changes, 'GT', seq, userId)
end

local function endRequest(userId, offset)
  local stored = redis.call('HGET', requests, userId)
  local asked = stored and string.match(stored, '^%d+')
  if not asked or tonumber(asked) >= tonumber(offset) then return end
  redis.call('HDEL', requests, userId)
  redis.call('HSET', endedRequests, userId, asked)
end

local function addStay(userId, sign, seq)
  local text = insert(redis.call('HGET', stays, userId) or '', sign, seq)
  redis.call('HSET', stays, userId, text)
  if string.match(text, '([+-])%d+$') == '+' then
    redis.call('ZADD', present, 0, userId)
  else
    redis.call('ZREM', present, userId)
  end
  touch(userId, seq)
end

local function fields(text)
  local out = {}
  for field in string.gmatch(text, '%S+') do out[#out + 1] = field end
  return out
end

local function endInvite(inviteId, expiresAt)
  redis.call('HDEL', invites, inviteId)
  redis.call('UNLINK', uses .. inviteId)
  redis.call('ZADD', endedInvites, expiresAt, inviteId)
end

-- Those that are over, or were used up before, go when another one comes: there is a bounded number. What they leave goes
-- once they are over; that a late fact of one is late is known by its own time then.
local function dropEnded(offset, eventAt)
  local invitedAt = math.max(tonumber(eventAt), tonumber(redis.call('HGET', head, 'invitedAt') or '0'))
  redis.call('HSET', head, 'invitedAt', string.format('%d', invitedAt))
  local all = redis.call('HGETALL', invites)
  for i = 1, #all, 2 do
    local invite = fields(all[i + 1])
    local isUsedUp = tonumber(invite[3]) >= tonumber(invite[6]) and tonumber(invite[2]) < tonumber(offset)
    if tonumber(invite[5]) <= invitedAt or isUsedUp then endInvite(all[i], invite[5]) end
  end
  redis.call('ZREMRANGEBYSCORE', endedInvites, '-inf', invitedAt)
  return invitedAt
end

local at = 2
local function take(count)
  local from = at
  at = at + count
  return unpack(ARGV, from, from + count - 1)
end

while at <= #ARGV do
  local kind = take(1)
  if kind == 'join' then
    local seq, offset, count = take(3)
    local anyAsks = redis.call('HLEN', requests) > 0
    for _ = 1, tonumber(count) do
      local userId = take(1)
      addStay(userId, '+', seq)
      if anyAsks then endRequest(userId, offset) end
    end
  elseif kind == 'leave' then
    local seq, count = take(2)
    for _ = 1, tonumber(count) do addStay(take(1), '-', seq) end
  elseif kind == 'role' then
    local seq, role, count = take(3)
    for _ = 1, tonumber(count) do
      local userId = take(1)
      setLater(roles, userId, seq, role)
      touch(userId, seq)
    end
  elseif kind == 'alias' or kind == 'mute' then
    local seq, userId, value = take(3)
    setLater(kind == 'alias' and aliases or mutes, userId, seq, value)
    touch(userId, seq)
  elseif kind == 'head' then
    local field, seq, value = take(3)
    setLater(head, field, seq, value)
  elseif kind == 'once' then
    local field, seq = take(2)
    redis.call('HSET', head, field, seq)
  elseif kind == 'asked' then
    local offset, userId, value = take(3)
    if tonumber(offset) > tonumber(redis.call('HGET', endedRequests, userId) or '-1') then
      setLater(requests, userId, offset, value)
    end
  elseif kind == 'answered' then
    local offset, userId = take(2)
    endRequest(userId, offset)
  elseif kind == 'invited' then
    local offset, eventAt, inviteId, text = take(4)
    local isOver = tonumber(fields(text)[5]) <= dropEnded(offset, eventAt)
    if not isOver and not redis.call('ZSCORE', endedInvites, inviteId) then redis.call('HSETNX', invites, inviteId, text) end
  elseif kind == 'inviteUsed' then
    local offset, inviteId = take(2)
    local stored = redis.call('HGET', invites, inviteId)
    if stored and redis.call('SADD', uses .. inviteId, offset) == 1 then
      local invite = fields(stored)
      if tonumber(invite[2]) < tonumber(offset) then invite[2] = offset end
      invite[3] = string.format('%d', tonumber(invite[3]) + 1)
      redis.call('HSET', invites, inviteId, table.concat(invite, ' '))
    end
  elseif kind == 'inviteEnded' then
    local inviteId = take(1)
    local stored = redis.call('HGET', invites, inviteId)
    if stored then endInvite(inviteId, fields(stored)[5]) end
  else
    return redis.error_reply('unknown fact ' .. kind)
  end
end
if changed >= 0 and changed > tonumber(redis.call('HGET', head, 'changed') or '-1') then
  redis.call('HSET', head, 'changed', ARGV[1])
end
return 'OK'
