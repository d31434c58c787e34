--[[ Enters a running request that is not known, whether there is room or not.      Reference: limits/src/settle.ts
     KEYS 1 leases of all requests  2 reservations  then one counter per entry
     ARGV 1 reservation id  2 leaseMs  3 record  4 reserved output tokens  5 progress
          then 4 per entry: bucket ('' = a slot) difference windowMs buckets
     Returns 1 adopted, 0 known (then only lease and progress are renewed) ]]
local rid, leaseMs = ARGV[1], tonumber(ARGV[2])
local isKnown = call('HEXISTS', KEYS[2], rid) == 1
call('ZADD', KEYS[1], nowMs + leaseMs, rid)
for i = 3, #KEYS do
  local o = 6 + (i - 3) * 4
  if ARGV[o] == '' then
    call('ZADD', KEYS[i], nowMs + leaseMs, rid)
  elseif not isKnown then
    local bucket, difference = tonumber(ARGV[o]), tonumber(ARGV[o + 1])
    local windowMs, buckets = tonumber(ARGV[o + 2]), tonumber(ARGV[o + 3])
    local sum, lowest, highest, current, width = openWindow(KEYS[i], windowMs, buckets)
    if difference >= 0 and bucket >= current - buckets and bucket <= current + 1 then
      local inBucket = lowest and tonumber(call('HGET', KEYS[i], bucket) or nil)
      local amount = (inBucket or 0) + difference
      setBucket(KEYS[i], windowMs, width, bucket, not inBucket, amount, sum + difference, lowest, highest)
    end
  end
end
if isKnown then
  local told = tonumber(call('HGET', KEYS[2], 'p:' .. rid) or '0')
  if tonumber(ARGV[5]) > told then call('HSET', KEYS[2], 'p:' .. rid, ARGV[5]) end
  return 0
end
call('HSET', KEYS[2], rid, ARGV[3], 'o:' .. rid, ARGV[4], 'p:' .. rid, ARGV[5])
return 1
