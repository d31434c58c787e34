--[[ Prolongs the leases of running requests and notes how far they are.           Reference: domain/limits/settle.ts
     KEYS 1 leases of all requests  2 reservations  3 epoch  4 gateways (zset)  then slot counters
     ARGV 1 leaseMs  2 epoch  3 gateway id  4 lifetime of its entry, ms
          then per request: id, output tokens so far, number of slots, index of each slot's key
     Returns {nowUs, 1 = this epoch, live gateways, late ids, gone ids} ]]
local leaseMs = tonumber(ARGV[1])
if redis.call('GET', KEYS[3]) ~= ARGV[2] then return {nowUs, 0, 0, {}, {}} end
redis.call('ZADD', KEYS[4], nowMs + tonumber(ARGV[4]), ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', nowMs)
local late, gone = {}, {}
local i = 5
while i <= #ARGV do
  local rid, slots = ARGV[i], tonumber(ARGV[i + 2])
  if redis.call('HEXISTS', KEYS[2], rid) == 0 then gone[#gone + 1] = rid
  else
    local expiresAtMs = redis.call('ZSCORE', KEYS[1], rid)
    if not expiresAtMs or tonumber(expiresAtMs) <= nowMs then late[#late + 1] = rid end
    redis.call('ZADD', KEYS[1], nowMs + leaseMs, rid)
    redis.call('HSET', KEYS[2], 'p:' .. rid, ARGV[i + 1])
    for slot = 1, slots do
      local key = KEYS[tonumber(ARGV[i + 2 + slot])]
      redis.call('ZADD', key, nowMs + leaseMs, rid)
      redis.call('PEXPIRE', key, leaseMs * 2)
    end
  end
  i = i + 3 + slots
end
return {nowUs, 1, redis.call('ZCARD', KEYS[4]), late, gone}
