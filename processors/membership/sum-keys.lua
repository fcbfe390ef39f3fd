-- Sums up what the next keys of a generation hold (infra/redis/key-sums.ts): answers the next cursor, then tag and sum of
-- each key. Reads keys that it finds itself, so it is for one server, or for one of a cluster.
local cursor, pattern = ARGV[1], ARGV[2]
local count = ARGV[3] -- [integer] keys that are looked at
local prefixBytes = tonumber(ARGV[4]) -- [integer] bytes before {<tag>}:<name>

local MODULUS = 281474976710656
local call, sha1hex = redis.call, redis.sha1hex
local concat, match, sub, tonumber = table.concat, string.match, string.sub, tonumber

local function fact(text) return tonumber(sub(sha1hex(text), 1, 12), 16) end

-- What a versioned text says.
local function said(text) return text and (match(text, '^%S* (.*)$') or text) or '' end

-- The sum of what `tell` makes of each pair of a hash: a text, or nil where that says nothing.
local function each(key, tell)
  local flat, sum = call('HGETALL', key), 0
  for i = 1, #flat, 2 do
    local text = tell(flat[i], flat[i + 1])
    if text then sum = (sum + fact(text)) % MODULUS end
  end
  return sum
end

local function role(member, text, joinSeq)
  local version, name = match(text, '^(%d+) (.*)$')
  if not name then return 'role ' .. member .. '=' .. text end
  if name == 'member' or not joinSeq or tonumber(version) < tonumber(joinSeq) then return nil end
  return 'role ' .. member .. '=' .. name
end

local GROUP = {
  head = function(key)
    local head = call('HMGET', key, 'createdSeq', 'dismissedSeq', 'owner', 'info', 'settings')
    local texts = { head[1] or '0', head[2] or '0', said(head[3]), said(head[4]), said(head[5]) }
    return fact('head ' .. concat(texts, '\n'))
  end,
  stays = function(key)
    return each(key, function(userId, stays) return 'stays ' .. userId .. '=' .. stays end)
  end,
  present = function(key)
    local sum = 0
    for _, userId in ipairs(call('ZRANGE', key, 0, -1)) do sum = (sum + fact('present ' .. userId)) % MODULUS end
    return sum
  end,
  -- A role counts while the stay lasts in which it was given.
  roles = function(key, base)
    return each(key, function(userId, text)
      return role(userId, text, match(call('HGET', base .. 'stays', userId) or '', '%+(%d+)$'))
    end)
  end,
  aliases = function(key)
    return each(key, function(userId, text)
      return said(text) ~= '' and 'alias ' .. userId .. '=' .. said(text) or nil
    end)
  end,
  mutes = function(key)
    return each(key, function(userId, text)
      return said(text) ~= '0' and 'mute ' .. userId .. '=' .. said(text) or nil
    end)
  end,
  requests = function(key)
    return each(key, function(userId, text) return 'request ' .. userId .. '=' .. said(text) end)
  end,
  invites = function(key)
    return each(key, function(inviteId, text)
      return 'invite ' .. inviteId .. '=' .. (match(text, '^%S+ %S+ (.*)$') or text)
    end)
  end,
}

local USER = {
  groups = function(key)
    return each(key, function(sessionId, entry)
      local joinSeq = match(entry, '/(%d+)$') or entry
      return joinSeq ~= '0' and 'group ' .. sessionId .. '=' .. joinSeq or nil
    end)
  end,
  roles = function(key, base)
    return each(key, function(sessionId, text)
      local joinSeq = match(call('HGET', base .. 'groups', sessionId) or '', '/(%d+)$')
      return role(sessionId, text, joinSeq ~= '0' and joinSeq or nil)
    end)
  end,
  -- What they say is compared row by row.
  friends = function() return fact('friends') end,
  own = function() return fact('own') end,
}

local page = call('SCAN', cursor, 'MATCH', pattern, 'COUNT', count)
local answer, n = { page[1] }, 1
for _, key in ipairs(page[2]) do
  local tag, name = match(key, '^{(.*)}:(%a+)$', prefixBytes + 1)
  local sums = tag and (sub(tag, 1, 2) == 'u:' and USER or GROUP)
  if sums and sums[name] then
    answer[n + 1], answer[n + 2] = tag, sums[name](key, sub(key, 1, -#name - 1))
    n = n + 2
  end
end
return answer
