-- Stores what users keep of sessions, and which of them look otherwise now.
-- KEYS per user:
--   hash: a<sessionId> -> seq/JSON, m<sessionId>, c<sessionId> -> seq/count, x<sessionId> -> seq,seq,...
--   sorted set: s<sessionId>, u<sessionId> by the minute of the event
local hiddenMax = tonumber(ARGV[1]) -- [integer] seqs of one x field, the newest
local changedMax = tonumber(ARGV[2]) -- [integer] members of the sorted set, the newest
-- then per user the number of triples, then triples: 'raise', field, value that begins with a seq; 'hide', field, seqs; 'forget', letter, seq: fields of the
-- letter whose values begin with a lower seq; 'touch', member, minute

local function hide(own, field, more)
  local seqs, seen = {}, {}
  for seq in string.gmatch((redis.call('HGET', own, field) or '') .. ',' .. more, '%d+') do
    if not seen[seq] then
      seen[seq] = true
      seqs[#seqs + 1] = tonumber(seq)
    end
  end
  table.sort(seqs)
  local kept = {}
  for i = math.max(1, #seqs - hiddenMax + 1), #seqs do kept[#kept + 1] = string.format('%.0f', seqs[i]) end
  redis.call('HSET', own, field, table.concat(kept, ','))
end

local function keep(own, changed, from, to)
  local added = 0
  for i = from, to, 3 do
    local what, name, value = ARGV[i], ARGV[i + 1], ARGV[i + 2]
    if what == 'touch' then
      added = added + redis.call('ZADD', changed, 'GT', value, name)
    elseif what == 'forget' then
      local fields = redis.call('HGETALL', own)
      for f = 1, #fields, 2 do
        local isOlder = string.sub(fields[f], 1, 1) == name
          and tonumber(string.match(fields[f + 1], '^%d+')) < tonumber(value)
        if isOlder then redis.call('HDEL', own, fields[f]) end
      end
    elseif what == 'hide' then
      hide(own, name, value)
    else
      local before = tonumber(string.match(redis.call('HGET', own, name) or '0', '^%d+'))
      if tonumber(string.match(value, '^%d+')) > before then redis.call('HSET', own, name, value) end
    end
  end
  if added > 0 then redis.call('ZREMRANGEBYRANK', changed, 0, -changedMax - 1) end
end

local place = 3
for key = 1, #KEYS, 2 do
  local to = place + 3 * tonumber(ARGV[place])
  keep(KEYS[key], KEYS[key + 1], place + 1, to)
  place = to + 1
end
return 'OK'
