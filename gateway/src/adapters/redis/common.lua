-- Shared by all scripts of the limit store; the reference is domain/limits. Times are Redis's own, in µs and ms.
local time = redis.call('TIME')
local nowUs = time[1] * 1000000 + time[2]
local nowMs = math.floor(nowUs / 1000)

-- An integer as text: Lua would write large ones as 1.7e+15, and %.0f writes -0, which HINCRBY refuses.
local function S(n)
  if n == 0 then return '0' end
  return string.format('%.0f', n)
end

-- Reads a window as it counts now: sum, lowest and highest bucket, current bucket, width. What has left it is removed;
-- buckets ahead of the next one mean that the clock stepped back: all are folded into the current one.
local function openWindow(key, windowMs, buckets)
  local width = windowMs / buckets
  local current = math.floor(nowMs / width)
  local r = redis.call('HMGET', key, 's', 'l', 'h')
  if not r[1] then return 0, nil, nil, current, width end
  local sum, lowest, highest = tonumber(r[1]), tonumber(r[2]), tonumber(r[3])
  if highest > current + 1 then
    redis.call('DEL', key)
    redis.call('HSET', key, S(current), S(sum), 's', S(sum), 'l', S(current), 'h', S(current))
    redis.call('PEXPIRE', key, math.ceil(windowMs + 2 * width))
    return sum, current, current, current, width
  end
  local oldest = current - buckets
  if lowest >= oldest then return sum, lowest, highest, current, width end
  if highest < oldest then
    redis.call('DEL', key)
    return 0, nil, nil, current, width
  end
  local dead = {}
  for bucket = lowest, oldest - 1 do dead[#dead + 1] = S(bucket) end
  local amounts = redis.call('HMGET', key, unpack(dead))
  for i = 1, #dead do
    if amounts[i] then sum = sum - tonumber(amounts[i]) end
  end
  redis.call('HDEL', key, unpack(dead))
  redis.call('HSET', key, 's', S(sum), 'l', S(oldest))
  return sum, oldest, highest, current, width
end

-- Adds to a bucket of a window that openWindow has read (lowest is nil when nothing counts in it).
local function addToWindow(key, windowMs, bucket, amount, sum, lowest, highest, width)
  if not lowest then
    lowest = bucket
    highest = bucket
  end
  if bucket < lowest then lowest = bucket end
  if bucket > highest then highest = bucket end
  redis.call('HINCRBY', key, S(bucket), S(amount))
  redis.call('HSET', key, 's', S(sum + amount), 'l', S(lowest), 'h', S(highest))
  redis.call('PEXPIRE', key, math.ceil(windowMs + 2 * width))
  return highest
end
