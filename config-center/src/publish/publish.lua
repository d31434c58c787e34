#!lua
--[[ Makes a revision the one in Redis, unless a newer one of its epoch is there, and tells who listens.
     KEYS 1 current: hash of epoch, revision, sha256, signature, body
     ARGV 1 epoch  2 revision  3 sha256  4 body  5 channel  6 a revision that is known to be wrong, or empty
          7 signature
     Returns 1 written, 0 a newer one is there ]]
local isHash = redis.call('TYPE', KEYS[1]).ok == 'hash'
local held = isHash and redis.call('HMGET', KEYS[1], 'epoch', 'revision') or {}
local isNewer = held[1] == ARGV[1] and (tonumber(held[2] or '') or -1) > tonumber(ARGV[2])
if isNewer and held[2] ~= ARGV[6] then return 0 end
-- Not over what is there: a time to live, or a value of another type, goes with it.
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'revision', ARGV[2], 'sha256', ARGV[3],
  'signature', ARGV[7], 'body', ARGV[4])
-- A hint: the revision is there without it.
redis.pcall('PUBLISH', ARGV[5], ARGV[2])
return 1
