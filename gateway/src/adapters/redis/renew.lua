--[[ Prolongs the leases of running requests and notes how far they are.           Reference: limits/src/settle.ts
     KEYS 1 leases of all requests  2 reservations  3 gateways (zset)  then slot counters
     ARGV 1 leaseMs  2 epoch  3 gateway id  4 lifetime of its entry, ms
          then per request: id, output tokens so far, number of slots, index of each slot's key
     Returns {nowUs, 1 = this epoch, live gateways, late ids, gone ids} ]]
local leaseMs = tonumber(ARGV[1])
if call('HGET', KEYS[2], 'epoch') ~= ARGV[2] then return {nowUs, 0, 0, {}, {}} end
call('ZADD', KEYS[3], nowMs + tonumber(ARGV[4]), ARGV[3])
call('ZREMRANGEBYSCORE', KEYS[3], '-inf', nowMs)
local late, gone = {}, {}
local i = 5
while i <= #ARGV do
  local rid, slots = ARGV[i], tonumber(ARGV[i + 2])
  local known = call('HMGET', KEYS[2], rid, 'p:' .. rid)
  if not known[1] then gone[#gone + 1] = rid
  else
    local expiresAtMs = call('ZSCORE', KEYS[1], rid)
    if not expiresAtMs or tonumber(expiresAtMs) <= nowMs then late[#late + 1] = rid end
    call('ZADD', KEYS[1], nowMs + leaseMs, rid)
    -- An older report may come after a newer one.
    if tonumber(ARGV[i + 1]) > tonumber(known[2] or '0') then call('HSET', KEYS[2], 'p:' .. rid, ARGV[i + 1]) end
    for slot = 1, slots do
      local key = KEYS[tonumber(ARGV[i + 2 + slot])]
      call('ZADD', key, nowMs + leaseMs, rid)
    end
  end
  i = i + 3 + slots
end
return {nowUs, 1, call('ZCARD', KEYS[3]), late, gone}
