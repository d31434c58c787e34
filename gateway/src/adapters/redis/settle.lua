--[[ Replaces a reservation by what was used and frees its slots, once.           Reference: domain/limits/settle.ts
     KEYS 1 leases of all requests  2 reservations  then one counter per entry
     ARGV 1 reservation id  2 '1' = only if its lease has run out  then 2 per entry: bucket ('' = a slot) and difference
     Returns 1 settled, 0 unknown or still alive ]]
local rid = ARGV[1]
if call('HEXISTS', KEYS[2], rid) == 0 then return 0 end
if ARGV[2] == '1' then
  local expiresAtMs = call('ZSCORE', KEYS[1], rid)
  if expiresAtMs and tonumber(expiresAtMs) > nowMs then return 0 end
end
local writes = {}
for i = 3, #KEYS do
  local bucket, difference = ARGV[i * 2 - 3], ARGV[i * 2 - 2]
  if bucket ~= '' and difference ~= '0' then
    local r = call('HMGET', KEYS[i], bucket, 's')
    if r[1] then
      local before = tonumber(r[1])
      local after = before + tonumber(difference)
      if after < 0 then after = 0 end
      writes[i] = {after, tonumber(r[2]) + after - before}
    end
  end
end
for i = 3, #KEYS do
  local bucket = ARGV[i * 2 - 3]
  if bucket == '' then call('ZREM', KEYS[i], rid)
  elseif writes[i] then call('HSET', KEYS[i], bucket, writes[i][1], 's', writes[i][2]) end
end
call('HDEL', KEYS[2], rid, 'p:' .. rid)
call('ZREM', KEYS[1], rid)
return 1
