-- Reads what sessions are before a batch: of each its head or '', and behind it, of a group that is not large, who is in.
-- KEYS per session:
--   hash: h -> lastSeq/count/at/firstSeq/firstAt/largeSince
--   groups only, set: userId of who is in
-- ARGV per session: single or group
local answers = {}
local key = 1
for number, kind in ipairs(ARGV) do
  local head = redis.call('HGET', KEYS[key], 'h') or ''
  if kind == 'single' then
    answers[number] = head
    key = key + 1
  else
    local answer = { head }
    if head ~= '' and string.match(head, '/0$') then
      for _, userId in ipairs(redis.call('SMEMBERS', KEYS[key + 1])) do answer[#answer + 1] = userId end
    end
    answers[number] = answer
    key = key + 2
  end
end
return answers
