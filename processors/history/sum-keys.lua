-- Sums up what the next keys of a generation hold (infra/redis/key-sums.ts): answers the next cursor, then tag and sum of
-- each key. Reads keys that it finds itself, so it is for one server, or for one of a cluster.
local cursor, pattern = ARGV[1], ARGV[2]
local count = ARGV[3] -- [integer] keys that are looked at
local prefixBytes = tonumber(ARGV[4]) -- [integer] bytes before {<tag>}:<name>

local MODULUS = 281474976710656
local call, sha1hex = redis.call, redis.sha1hex
local byte, concat, match, sub, tonumber = string.byte, table.concat, string.match, string.sub, tonumber
local HEAD, EVENT, PACK, OVERRIDE, APPLIED = byte('h'), byte('e'), byte('p'), byte('o'), byte('x')
local REACTIONS = byte('r')

local function fact(text) return tonumber(sub(sha1hex(text), 1, 12), 16) end

-- Each of the texts is a fact, named.
local function facts(name, texts)
  local sum = 0
  for i = 1, #texts do sum = (sum + fact(name .. texts[i])) % MODULUS end
  return sum
end

-- Each pair of a flat reply is one.
local function pairFacts(name, flat)
  local sum = 0
  for i = 1, #flat, 2 do sum = (sum + fact(name .. flat[i] .. '/' .. flat[i + 1])) % MODULUS end
  return sum
end

-- One fact of head, events and their packs in the order of seqs; every other field is one. Not told: the time of the
-- first event kept, what amendments were applied to, and texts that an event loses once its message is changed again.
local function session(key)
  local flat = call('HGETALL', key)
  local events, packs, found, head, sum = {}, {}, 0, '', 0 -- packs: where in the reply
  for i = 1, #flat, 2 do
    local field, value = flat[i], flat[i + 1]
    local letter = byte(field)
    if letter == EVENT then
      events[tonumber(sub(field, 2)) or field] = value
      found = found + 1
    elseif letter == PACK then
      local seq = tonumber(match(value, '^%d+'))
      -- A second pack of one seq is one too many.
      if seq and not packs[seq] then packs[seq] = i end
      found = found + 1
    elseif letter == HEAD then
      head = value
    elseif letter ~= OVERRIDE and letter ~= APPLIED then
      -- cjson writes a slash as \/, which JSON allows and JavaScript does not do.
      if letter == REACTIONS then value = string.gsub(value, '\\/', '/') end
      sum = (sum + fact(field .. '=' .. value)) % MODULUS
    end
  end
  local last, lastSeq, firstSeq, largeSince = match(head, '^((%d+)/%d+/%d+)/(%d+)/%d+/(%d+)$')
  if not last then return (sum + fact('no head ' .. head)) % MODULUS end
  local texts, n = { last, firstSeq, largeSince }, 3
  for seq = tonumber(firstSeq), tonumber(lastSeq) do
    local event, pack = events[seq], packs[seq]
    if event then found = found - 1 end
    if pack then found = found - 1 end
    texts[n + 1], texts[n + 2], texts[n + 3] = event or '', pack and flat[pack] or '', pack and flat[pack + 1] or ''
    n = n + 3
  end
  if found > 0 then texts[n + 1] = found .. ' more' end
  return (sum + fact(concat(texts, '\n'))) % MODULUS
end

local function zrange(key) return call('ZRANGE', key, 0, -1) end
local function zpairs(key) return call('ZRANGE', key, 0, -1, 'WITHSCORES') end

-- JSON of attributes without the seq that set them.
local function kept(key)
  local flat = call('HGETALL', key)
  for i = 1, #flat, 2 do
    if byte(flat[i]) == 97 then flat[i + 1] = match(flat[i + 1], '^%d+/(.*)$') or flat[i + 1] end
  end
  return pairFacts('kept ', flat)
end

local SUMS = {
  session = session,
  stopped = function(key) return facts('stopped ', zrange(key)) end,
  mentions = function(key) return facts('mention ', zrange(key)) end,
  urgent = function(key) return pairFacts('urgent ', zpairs(key)) end,
  members = function(key) return facts('member ', call('SMEMBERS', key)) end,
  left = function(key) return pairFacts('left ', call('HGETALL', key)) end,
  hot = function(key) return pairFacts('hot ', zpairs(key)) end,
  large = function(key) return facts('large ', call('SMEMBERS', key)) end,
  refusals = function(key) return facts('refusal ', zrange(key)) end,
  told = function(key) return pairFacts('told ', zpairs(key)) end,
  own = kept,
}

local page = call('SCAN', cursor, 'MATCH', pattern, 'COUNT', count)
local answer, n = { page[1] }, 1
for _, key in ipairs(page[2]) do
  local tag, name = match(key, '^{(.*)}:(%a+)$', prefixBytes + 1)
  local sum = SUMS[name]
  if sum then
    answer[n + 1], answer[n + 2] = tag, sum(key)
    n = n + 2
  end
end
return answer
