-- A page of who is in a group: {owner, userId, stays, userId, stays, ...}; {''} for a group unknown or dismissed.
local head = KEYS[1] -- hash: owner, dismissedSeq, ...
local stays = KEYS[2] -- hash: userId -> stays as text
local present = KEYS[3] -- sorted set, all scores 0: userId
local min = ARGV[1] -- [string] lower bound of ZRANGEBYLEX: '-' or '(' followed by a userId
local limit = tonumber(ARGV[2]) -- [integer]

local owner = redis.call('HGET', head, 'owner') or ''
if redis.call('HEXISTS', head, 'dismissedSeq') == 1 then return { '' } end
local answer = { owner }
for _, userId in ipairs(redis.call('ZRANGEBYLEX', present, min, '+', 'LIMIT', 0, limit)) do
  answer[#answer + 1] = userId
  answer[#answer + 1] = redis.call('HGET', stays, userId) or ''
end
return answer
