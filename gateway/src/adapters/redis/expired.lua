--[[ Reservations whose leases have run out; those that run longer than any can are pulled in.
     KEYS 1 leases of all requests  2 reservations     ARGV 1 leaseMs     Reference: limits/src/settle.ts
     Returns id, record, output tokens so far, output tokens reserved for each of the oldest 100 ]]
local leaseMs = tonumber(ARGV[1])
local far = call('ZRANGEBYSCORE', KEYS[1], '(' .. S(nowMs + 2 * leaseMs), '+inf', 'LIMIT', 0, 1000)
for i = 1, #far do call('ZADD', KEYS[1], nowMs + leaseMs, far[i]) end
local reply = {}
local ids = call('ZRANGEBYSCORE', KEYS[1], '-inf', nowMs, 'LIMIT', 0, 100)
for i = 1, #ids do
  local r = call('HMGET', KEYS[2], ids[i], 'p:' .. ids[i], 'o:' .. ids[i])
  reply[#reply + 1] = ids[i]
  reply[#reply + 1] = r[1] or ''
  reply[#reply + 1] = r[2] or '0'
  reply[#reply + 1] = r[3] or '0'
end
return reply
