--[[ Replaces a reservation by what was used and frees its slots, once.           Reference: limits/src/settle.ts
     KEYS 1 leases of all requests  2 reservations  then one counter per entry
     ARGV 1 reservation id  2 '1' = only if its lease has run out  3 output tokens that the caller thinks are reserved
          then 2 per entry: bucket ('' = a slot) and difference from what the caller thinks
     Returns {1} settled, {0} unknown or still alive, {2, reserved output} when the caller is wrong about that ]]
local rid = ARGV[1]
local known = call('HMGET', KEYS[2], rid, 'o:' .. rid)
if not known[1] then return {0} end
if ARGV[2] == '1' then
  local expiresAtMs = call('ZSCORE', KEYS[1], rid)
  if expiresAtMs and tonumber(expiresAtMs) > nowMs then return {0} end
end
if known[2] ~= ARGV[3] then return {2, tonumber(known[2])} end
local writes = {}
for i = 3, #KEYS do
  local bucket, difference = ARGV[i * 2 - 2], ARGV[i * 2 - 1]
  if bucket ~= '' and difference ~= '0' then
    local place, before, isFolded, sum = placeOf(KEYS[i], tonumber(bucket))
    local by = tonumber(difference)
    if before and not (isFolded and by < 0) then
      local after = before + by
      if after < 0 then after = 0 end
      writes[i] = {place, after, sum + after - before}
    end
  end
end
for i = 3, #KEYS do
  local bucket = ARGV[i * 2 - 2]
  if bucket == '' then call('ZREM', KEYS[i], rid)
  elseif writes[i] then call('HSET', KEYS[i], writes[i][1], writes[i][2], 's', writes[i][3]) end
end
call('HDEL', KEYS[2], rid, 'o:' .. rid, 'p:' .. rid)
call('ZREM', KEYS[1], rid)
return {1}
