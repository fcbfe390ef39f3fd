-- Notes who came into and left one group. Facts are kept by seq: the same again, or late, changes nothing.
local head = KEYS[1] -- hash: owner, name, avatar, notice, createdSeq, dismissedSeq
local stays = KEYS[2] -- hash: userId -> stays as text, +1-5+9
local present = KEYS[3] -- sorted set, all scores 0: userId of who is in; left as it is by a dismissal
local createdSeq = ARGV[1] -- [integer] seq of the creation; 0: not in this batch
-- ARGV[2..5] [strings] owner, name, avatar, notice
local dismissedSeq = ARGV[6] -- [integer] seq of the dismissal; 0: not in this batch
local changeCount = tonumber(ARGV[7])
-- then changes: '+' or '-', seq, n, n times userId

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

if createdSeq ~= '0' then
  redis.call('HSET', head, 'createdSeq', createdSeq, 'owner', ARGV[2], 'name', ARGV[3], 'avatar', ARGV[4],
    'notice', ARGV[5])
end
if dismissedSeq ~= '0' then redis.call('HSET', head, 'dismissedSeq', dismissedSeq) end

local at = 8
for _ = 1, changeCount do
  local sign, seq, n = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  for i = at + 3, at + 2 + n do
    local userId = ARGV[i]
    local text = insert(redis.call('HGET', stays, userId) or '', sign, seq)
    redis.call('HSET', stays, userId, text)
    if string.match(text, '([+-])%d+$') == '+' then
      redis.call('ZADD', present, 0, userId)
    else
      redis.call('ZREM', present, userId)
    end
  end
  at = at + 3 + n
end
return 'OK'
