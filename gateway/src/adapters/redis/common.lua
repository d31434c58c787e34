-- Shared by all scripts of the limit store; the reference is limits/src. Times are Redis's own, in µs and ms.
local call, floor, ceil = redis.call, math.floor, math.ceil
local time = redis.call('TIME')
local nowUs = time[1] * 1000000 + time[2]
local nowMs = floor(nowUs / 1000)

-- An integer as text, for joining: Lua itself would write large ones as 1.7e+15. As an argument of a command a whole
-- number below 2^53 is written out by Redis.
local function S(n) return string.format('%.0f', n) end

-- Reads a window as it counts now: sum, lowest and highest bucket (nil = nothing counts), current bucket, width, amount
-- in the current bucket (nil = none). What has left the window is removed; buckets ahead of the next one mean that the
-- clock stepped back: all are folded into the current one, and i (into) and u (up to) say which were.
local function openWindow(key, windowMs, buckets)
  local width = windowMs / buckets
  local current = floor(nowMs / width)
  local r = call('HMGET', key, 's', 'l', 'h', current)
  if not r[1] then return 0, nil, nil, current, width, nil end
  local sum, lowest, highest, inCurrent = tonumber(r[1]), tonumber(r[2]), tonumber(r[3]), tonumber(r[4] or nil)
  if highest > current + 1 then
    local upTo = math.max(highest, tonumber(call('HGET', key, 'u') or '0'))
    call('DEL', key)
    call('HSET', key, current, sum, 's', sum, 'l', current, 'h', current, 'i', current, 'u', upTo)
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

-- Where more is added to an amount that was admitted in a bucket: bucket, amount there (nil once it has left the window),
-- whether it was folded (then it cannot be told from others, so nothing may be refunded), and the window's sum.
local function placeOf(key, bucket)
  local r = call('HMGET', key, bucket, 's', 'i', 'u')
  local sum, into, upTo = tonumber(r[2] or nil), tonumber(r[3] or nil), tonumber(r[4] or nil)
  local isFolded = into ~= nil and bucket > into and bucket <= upTo
  if r[1] or not isFolded then return bucket, tonumber(r[1] or nil), isFolded, sum end
  return into, tonumber(call('HGET', key, into) or nil), true, sum
end
