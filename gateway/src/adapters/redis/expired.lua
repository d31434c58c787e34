--[[ Reservations whose leases have run out.     KEYS 1 leases of all requests  2 reservations
     Returns id, record, output tokens so far, output tokens reserved for each of the oldest 100 ]]
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
