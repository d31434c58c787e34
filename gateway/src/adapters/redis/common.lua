-- Shared by all scripts of the limit store; the reference is domain/limits. Times are Redis's own, in µs and ms.
local call, floor, ceil = redis.call, math.floor, math.ceil
local time = redis.call('TIME')
local nowUs = time[1] * 1000000 + time[2]
local nowMs = floor(nowUs / 1000)

-- An integer as text, for joining: Lua itself would write large ones as 1.7e+15. As an argument of a command a whole
-- number below 2^53 is written out by Redis.
local function S(n) return string.format('%.0f', n) end

-- Reads a window as it counts now: sum, lowest and highest bucket (nil = nothing counts), current bucket, width, amount
-- in the current bucket (nil = none). What has left the window is removed; buckets ahead of the next one mean that the
-- clock stepped back: all are folded into the current one.
local function openWindow(key, windowMs, buckets)
  local width = windowMs / buckets
  local current = floor(nowMs / width)
  local r = call('HMGET', key, 's', 'l', 'h', current)
  if not r[1] then return 0, nil, nil, current, width, nil end
  local sum, lowest, highest, inCurrent = tonumber(r[1]), tonumber(r[2]), tonumber(r[3]), tonumber(r[4] or nil)
  if highest > current + 1 then
    call('DEL', key)
    call('HSET', key, current, sum, 's', sum, 'l', current, 'h', current)
    call('PEXPIRE', key, ceil(windowMs + 3 * width))
    return sum, current, current, current, width, sum
  end
  local oldest = current - buckets
  if lowest >= oldest then return sum, lowest, highest, current, width, inCurrent end
  if highest < oldest then
    call('DEL', key)
    return 0, nil, nil, current, width, nil
  end
  local dead = {}
  for bucket = lowest, oldest - 1 do dead[#dead + 1] = bucket end
  local amounts = call('HMGET', key, unpack(dead))
  for i = 1, #dead do
    if amounts[i] then sum = sum - tonumber(amounts[i]) end
  end
  call('HDEL', key, unpack(dead))
  call('HSET', key, 's', sum, 'l', oldest)
  return sum, oldest, highest, current, width, inCurrent
end

-- Writes what a bucket of a window now holds; a new bucket prolongs the life of the key. Returns the highest bucket.
local function setBucket(key, windowMs, width, bucket, isNew, amount, sum, lowest, highest)
  if not isNew then
    call('HSET', key, bucket, amount, 's', sum)
    return highest
  end
  if not lowest or bucket < lowest then lowest = bucket end
  if not highest or bucket > highest then highest = bucket end
  call('HSET', key, bucket, amount, 's', sum, 'l', lowest, 'h', highest)
  call('PEXPIRE', key, ceil(windowMs + 3 * width))
  return highest
end
