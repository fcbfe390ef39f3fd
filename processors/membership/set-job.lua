-- Sets a register of a job; the higher position stays. Keeps in mind which jobs have not ended, and forgets those that
-- ended before a time.
local jobs = KEYS[1] -- hash: <jobId>#<part> -> position/json
local specs = KEYS[2] -- hash: jobId -> position/json
local open = KEYS[3] -- set: jobId of those that have not ended
local ended = KEYS[4] -- sorted set: jobId of the others, by the time of the end
local jobId = ARGV[1]
local part = ARGV[2] -- start, step or end
local position = ARGV[3] -- [integer]
local json = ARGV[4]
local at = ARGV[5] -- [integer] ms, log time of the event
local forgetBefore = ARGV[6] -- [integer] ms

-- @NOTE Earlier versions wrote registers alone: the rest follows from them.
if redis.call('EXISTS', open, ended) == 0 then
  local registers = redis.call('HGETALL', jobs)
  for i = 1, #registers, 2 do
    local id, name = string.match(registers[i], '^(.*)#(%a+)$')
    if name == 'end' then
      redis.call('ZADD', ended, cjson.decode(string.match(registers[i + 1], '^%d+/(.*)$')).at, id)
    elseif redis.call('HEXISTS', jobs, id .. '#end') == 0 then
      redis.call('SADD', open, id)
    end
  end
end

local register = jobId .. '#' .. part
local stored = redis.call('HGET', jobs, register)
if not stored or tonumber(string.match(stored, '^%d+')) < tonumber(position) then
  redis.call('HSET', jobs, register, position .. '/' .. json)
end
if part == 'end' then
  redis.call('SREM', open, jobId)
  redis.call('ZADD', ended, at, jobId)
elseif redis.call('HEXISTS', jobs, jobId .. '#end') == 0 then
  redis.call('SADD', open, jobId)
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', ended, '-inf', '(' .. forgetBefore)) do
  redis.call('HDEL', jobs, id .. '#start', id .. '#step', id .. '#end')
  redis.call('HDEL', specs, id)
  redis.call('ZREM', ended, id)
end
