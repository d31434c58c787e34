#!lua
--[[ Makes a revision the one in Redis, unless a newer one of its epoch is there, and tells who listens.
     KEYS 1 current: hash of epoch, revision, sha256, signature, deltas, body
     ARGV 1 epoch  2 revision  3 sha256  4 deltas  5 body, or empty: the one that is there is of this epoch and stays
          6 channel  7 a revision that is known to be wrong, or empty  8 signature
     Returns 1 written, 0 a newer one is there, 2 there is no body that could stay ]]
local isHash = redis.call('TYPE', KEYS[1]).ok == 'hash'
local held = isHash and redis.call('HMGET', KEYS[1], 'epoch', 'revision') or {}
local isNewer = held[1] == ARGV[1] and (tonumber(held[2] or '') or -1) > tonumber(ARGV[2])
if isNewer and held[2] ~= ARGV[7] then return 0 end
local isKept = ARGV[5] == ''
if isKept and not (held[1] == ARGV[1] and redis.call('HSTRLEN', KEYS[1], 'body') > 0) then return 2 end
if isKept then
  redis.call('PERSIST', KEYS[1])
else
  -- Not over what is there: a time to live, or a value of another type, goes with it.
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'body', ARGV[5])
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'revision', ARGV[2], 'sha256', ARGV[3], 'deltas', ARGV[4],
  'signature', ARGV[8])
-- A hint: the revision is there without it.
redis.pcall('PUBLISH', ARGV[6], ARGV[2])
return 1
