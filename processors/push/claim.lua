-- Claims sends of one event, each at most once: before the send, so that a crash in between loses a push and doubles none.
local claims = KEYS[1] -- hash: device -> state, see push-store.ts
local ttl = ARGV[1]    -- [integer] ms that claims are kept
-- ARGV from 2: pairs device, the attempt that is wanted: 0 is the first one
-- Gives for each pair: 'claimed', 'taken' (it was decided before), 'unknown' (an attempt has begun and told no end)

local answers = {}
for i = 2, #ARGV, 2 do
  local device, attempt = ARGV[i], ARGV[i + 1]
  local state = redis.call('HGET', claims, device)
  if (not state and attempt == '0') or (attempt ~= '0' and state == 'retry ' .. attempt) then
    redis.call('HSET', claims, device, 'claimed')
    answers[#answers + 1] = 'claimed'
  elseif state == 'claimed' then
    redis.call('HSET', claims, device, 'unknown')
    answers[#answers + 1] = 'unknown'
  else
    answers[#answers + 1] = 'taken'
  end
end
redis.call('PEXPIRE', claims, ttl)
return answers
