-- What one user sees of one session in a list: {lastSeq, count, at, readSeq, readCount, json or '', messages that stopped
-- counting above the mark, unread mentions, seq of the first, seqs read and delivered by the other user}; false for a
-- session without events. Who has left a group sees it as it was when they left.
local session = KEYS[1] -- hash: h -> lastSeq/count/at/..., e<seq> -> JSON text, m<userId> -> seq/count, d<userId> -> seq
local left = KEYS[2] -- hash: userId -> seq/count/at
local stopped = KEYS[3] -- sorted set: seq
local mentions = KEYS[4] -- sorted set: <seq>/<userId> or <seq>/* by seq
local userId = ARGV[1] -- [string]
local ownSeq, ownCount = ARGV[2], ARGV[3] -- [integer] the mark that the user keeps of the session
local peer = ARGV[4] -- [string] the other user of a single chat, or ''

local found = redis.call('HMGET', session, 'h', 'm' .. userId)
if not found[1] then return false end
local lastSeq, count, at = string.match(found[1], '^(%d+)/(%d+)/(%d+)')
local out = redis.call('HGET', left, userId)
if out then lastSeq, count, at = string.match(out, '^(%d+)/(%d+)/(%d+)$') end
local readSeq, readCount = string.match(found[2] or '0/0', '^(%d+)/(%d+)$')
if tonumber(ownSeq) > tonumber(readSeq) then readSeq, readCount = ownSeq, ownCount end

local above = '(' .. readSeq
local mentioned, first, last = 0, 0, 0
for _, member in ipairs(redis.call('ZRANGEBYSCORE', mentions, above, lastSeq)) do
  local seq, whom = string.match(member, '^(%d+)/(.*)$')
  seq = tonumber(seq)
  if whom == userId or whom == '*' then
    -- Somebody may be mentioned both by name and as one of all.
    if first == 0 then first = seq end
    if seq ~= last then mentioned = mentioned + 1 end
    last = seq
  end
end
local peerMarks = peer == '' and {} or redis.call('HMGET', session, 'm' .. peer, 'd' .. peer)
return {
  lastSeq, count, at, readSeq, readCount, redis.call('HGET', session, 'e' .. lastSeq) or '',
  redis.call('ZCOUNT', stopped, above, lastSeq), mentioned, first,
  tonumber(string.match(peerMarks[1] or '0', '^%d+')), tonumber(peerMarks[2] or '0'),
}
