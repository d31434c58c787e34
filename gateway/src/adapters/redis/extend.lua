--[[ Raises what a running request has reserved, in the bucket of its admission.    Reference: limits/src/settle.ts
     KEYS 1 reservations  then one window per entry that changes
     ARGV 1 reservation id  2 '1' = without asking for room  3 output tokens that the caller thinks are reserved
          4 output tokens wanted  then 5 per entry: bucket difference windowMs buckets max (-1 = observed)
     Returns {1} granted, {0} denied, {2} unknown, {3, reserved output} when the caller is wrong about that ]]
local rid, isForced = ARGV[1], ARGV[2] == '1'
local reserved = call('HGET', KEYS[1], 'o:' .. rid)
if not reserved then return {2} end
if tonumber(ARGV[4]) <= tonumber(reserved) then return {1} end
if reserved ~= ARGV[3] then return {3, tonumber(reserved)} end
local writes = {}
for i = 2, #KEYS do
  local o = 5 + (i - 2) * 5
  local bucket, difference = tonumber(ARGV[o]), tonumber(ARGV[o + 1])
  local windowMs, buckets, max = tonumber(ARGV[o + 2]), tonumber(ARGV[o + 3]), tonumber(ARGV[o + 4])
  local sum, lowest, highest, current, width = openWindow(KEYS[i], windowMs, buckets)
  local inBucket
  if lowest then bucket, inBucket = placeOf(KEYS[i], bucket) end
  if inBucket then
    if not isForced and max >= 0 and sum + difference > max then return {0} end
    writes[i] = {windowMs, width, bucket, inBucket + difference, sum + difference}
  end
end
for i = 2, #KEYS do
  local w = writes[i]
  if w then setBucket(KEYS[i], w[1], w[2], w[3], false, w[4], w[5]) end
end
call('HSET', KEYS[1], 'o:' .. rid, ARGV[4])
return {1}
