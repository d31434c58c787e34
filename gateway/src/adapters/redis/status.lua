--[[ Reads counters without taking from them.                                      Reference: limits/src/status.ts
     KEYS counters     ARGV 3 per counter: r|c|w windowMs buckets
     Returns {nowUs, then 2 per counter}: r: arrival time in µs, 0; c: slots in use, 0; w: sum, highest bucket ]]
local reply = {nowUs}
for i = 1, #KEYS do
  local kind = ARGV[i * 3 - 2]
  local first, second = 0, 0
  if kind == 'r' then first = tonumber(call('GET', KEYS[i]) or '0')
  elseif kind == 'c' then first = call('ZCOUNT', KEYS[i], '(' .. S(nowMs), '+inf')
  else
    local sum, _, highest = openWindow(KEYS[i], tonumber(ARGV[i * 3 - 1]), tonumber(ARGV[i * 3]))
    first = sum
    second = highest or 0
  end
  reply[i * 2] = first
  reply[i * 2 + 1] = second
end
return reply
