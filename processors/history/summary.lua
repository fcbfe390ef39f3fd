-- What one user sees of one session in a list: {lastSeq, count, at, readSeq, readCount, json or ''}; false for a
-- session without events. Who has left a group sees it as it was when they left.
local head = KEYS[1] -- hash: lastSeq, count, at, ...
local events = KEYS[2] -- hash: seq -> event frame as JSON text
local marks = KEYS[3] -- hash: userId -> seq/count
local left = KEYS[4] -- hash: userId -> seq/count/at
local userId = ARGV[1] -- [string]

local seen = redis.call('HMGET', head, 'lastSeq', 'count', 'at')
if not seen[1] then return false end
local out = redis.call('HGET', left, userId)
if out then seen = { string.match(out, '^(%d+)/(%d+)/(%d+)$') } end
local mark = redis.call('HGET', marks, userId) or '0/0'
local readSeq, readCount = string.match(mark, '^(%d+)/(%d+)$')
return { seen[1], seen[2], seen[3], readSeq, readCount, redis.call('HGET', events, seen[1]) or '' }
