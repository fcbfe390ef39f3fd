-- A page of one user's list: {peerId, version, friend, request, blocked, remark, ...}; '' for a register never set.
local friends = KEYS[1] -- hash: <peerId>#<register> -> position/json
local order = KEYS[2] -- sorted set: peerId by version
local after = ARGV[1] -- [integer] version
local limit = tonumber(ARGV[2]) -- [integer]
-- ARGV[3..] [strings] names of the registers

local answer = {}
local page = redis.call('ZRANGEBYSCORE', order, '(' .. after, '+inf', 'WITHSCORES', 'LIMIT', 0, limit)
for i = 1, #page, 2 do
  answer[#answer + 1] = page[i]
  answer[#answer + 1] = page[i + 1]
  for j = 3, #ARGV do
    answer[#answer + 1] = redis.call('HGET', friends, page[i] .. '#' .. ARGV[j]) or ''
  end
end
return answer
