-- What one user sees of one session in a list: {lastSeq, count, at, readSeq, readCount, json or ''}; false for a
-- session without events. Who has left a group sees it as it was when they left.
local session = KEYS[1] -- hash: h -> lastSeq/count/at/..., e<seq> -> JSON text, m<userId> -> seq/count
local left = KEYS[2] -- hash: userId -> seq/count/at
local userId = ARGV[1] -- [string]

local found = redis.call('HMGET', session, 'h', 'm' .. userId)
if not found[1] then return false end
local lastSeq, count, at = string.match(found[1], '^(%d+)/(%d+)/(%d+)')
local out = redis.call('HGET', left, userId)
if out then lastSeq, count, at = string.match(out, '^(%d+)/(%d+)/(%d+)$') end
local readSeq, readCount = string.match(found[2] or '0/0', '^(%d+)/(%d+)$')
return { lastSeq, count, at, readSeq, readCount, redis.call('HGET', session, 'e' .. lastSeq) or '' }
