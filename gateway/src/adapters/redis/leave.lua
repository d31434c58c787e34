--[[ A waiting request gives up its place.                                         Reference: limits/src/queue.ts
     KEYS 1 queue  2 tickets  then lines     ARGV 1 reservation id     Returns 1 left, 0 was not waiting ]]
local rid = ARGV[1]
call('ZREM', KEYS[2], rid)
local ticket = call('HGET', KEYS[1], 't:' .. rid)
if not ticket then return 0 end
call('HDEL', KEYS[1], 't:' .. rid)
call('HINCRBY', KEYS[1], 'n:' .. string.match(ticket, '|(.*)$'), -1)
for i = 3, #KEYS do call('ZREM', KEYS[i], rid) end
return 1
