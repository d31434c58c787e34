--[[ Takes every limit of a request or none.                                     Reference: limits/src/reserve.ts
     KEYS 1 leases of all requests (zset)  2 reservations (hash: id to record, o:id to reserved output tokens, p:id to
          progress; the field epoch names the life of the data)  3 queue (hash)  4 tickets (zset)
          then one counter per limit, then one line per limit that has one
     ARGV 1 reservation id  2 leaseMs  3 notAfterMs (Redis time, 0 = never too late)  4 epoch  5 record
          6 namespace id  7 weight (0 = will not wait)  8 maxWaiting  9 ticketMs  10 output tokens
          then 5 per limit: kind (r|c|w|n), with two more letters where it is observed (o) or has a line (q), and
          r: emissionUs burst   c: max   w, n (counts requests): max windowMs buckets amount
     Returns {status, nowUs, remaining, resetMs, waitMs per limit}; waitMs 0 = room, -1 = never.
     status 1 taken, 0 refused, 5 refused and in line, 2 taken before (then record and reserved output), 3 too late, 4 other epoch ]]
local rid, leaseMs = ARGV[1], tonumber(ARGV[2])
local notAfterMs = tonumber(ARGV[3])
local known = call('HMGET', KEYS[2], 'epoch', rid, 'o:' .. rid)
if known[1] ~= ARGV[4] then return {4, nowUs} end
if notAfterMs > 0 and nowMs > notAfterMs then return {3, nowUs} end
if known[2] then return {2, nowUs, known[2], known[3]} end

local n = (#ARGV - 10) / 5
local hasLines = #KEYS > 4 + n

local function dropTicket(id)
  local ticket = call('HGET', KEYS[3], 't:' .. id)
  call('ZREM', KEYS[4], id)
  if not ticket then return nil end
  local order, namespace = string.match(ticket, '^(%d+)|(.*)$')
  call('HDEL', KEYS[3], 't:' .. id)
  call('HINCRBY', KEYS[3], 'n:' .. namespace, -1)
  return tonumber(order)
end

-- How many wait in a line before this request; tickets that are gone leave the head of it.
local function aheadIn(line)
  local head = call('ZRANGE', line, 0, 0)[1]
  while head and call('HEXISTS', KEYS[3], 't:' .. head) == 0 do
    call('ZREM', line, head)
    head = call('ZRANGE', line, 0, 0)[1]
  end
  if not head then return 0 end
  return call('ZRANK', line, rid) or call('ZCARD', line)
end

local function pollMs(ahead)
  local ms = 25 * (1 + ahead)
  if ms > 1000 then return 1000 end
  return ms
end

if hasLines then
  local late = call('ZRANGEBYSCORE', KEYS[4], '-inf', nowMs, 'LIMIT', 0, 100)
  for i = 1, #late do dropTicket(late[i]) end
  -- Further ahead than any ticket can be: the clock stepped back.
  local far = call('ZRANGEBYSCORE', KEYS[4], '(' .. S(nowMs + tonumber(ARGV[9])), '+inf', 'LIMIT', 0, 100)
  for i = 1, #far do dropTicket(far[i]) end
end

local reply = {1, nowUs}
local pending, lineOf = {}, {}
local isRefused, mayWait = false, tonumber(ARGV[7]) > 0
local skipped = ''
local line = 4 + n
for i = 1, n do
  local key, o = KEYS[4 + i], 6 + i * 5
  local flags = ARGV[o]
  local kind, isObserved, hasLine = flags, false, false
  if #flags > 1 then
    kind = string.sub(flags, 1, 1)
    isObserved = string.sub(flags, 2, 2) == 'o'
    hasLine = string.sub(flags, 3, 3) == 'q'
  end
  local max = tonumber(ARGV[o + 1])
  local remaining, resetMs, waitMs = 0, 0, 0
  if kind == 'r' then
    local burst = tonumber(ARGV[o + 2])
    local toleranceUs = max * burst
    local stored = tonumber(call('GET', key) or '0')
    local arrivalUs = stored
    if arrivalUs < nowUs then arrivalUs = nowUs end
    if arrivalUs > nowUs + toleranceUs then                       -- the clock stepped back: pull in, and keep it so
      arrivalUs = nowUs + toleranceUs
      call('SET', key, arrivalUs, 'PX', ceil(toleranceUs / 1000) + 1000)
    end
    local nextUs = arrivalUs + max
    remaining = floor((toleranceUs - (arrivalUs - nowUs)) / max)
    resetMs = ceil((arrivalUs - nowUs) / 1000)
    local excessUs = nextUs - nowUs - toleranceUs
    if excessUs > 0 then waitMs = ceil(excessUs / 1000) end
    pending[i] = nextUs
  elseif kind == 'c' then
    remaining = max - call('ZCARD', key)
    if remaining <= 0 then                                        -- full, unless some leases have run out
      call('ZREMRANGEBYSCORE', key, '-inf', nowMs)
      local far = call('ZRANGEBYSCORE', key, '(' .. S(nowMs + leaseMs * 2), '+inf', 'LIMIT', 0, 200)
      for x = 1, #far do call('ZADD', key, nowMs + leaseMs, far[x]) end
      remaining = max - call('ZCARD', key)
    end
    if remaining <= 0 then
      remaining = 0
      waitMs = 250
    end
  else
    local windowMs, buckets, amount = tonumber(ARGV[o + 2]), tonumber(ARGV[o + 3]), tonumber(ARGV[o + 4])
    local sum, lowest, highest, current, width, inCurrent = openWindow(key, windowMs, buckets)
    remaining = max - sum
    if sum > 0 then
      resetMs = ceil((highest + buckets + 1) * width - nowMs)
      if resetMs < 0 then resetMs = 0 end
    end
    if amount > max then waitMs = -1
    elseif amount > remaining then
      local needed, freed, names = amount - remaining, 0, {}
      for bucket = lowest, highest do names[#names + 1] = bucket end
      local amounts = call('HMGET', key, unpack(names))
      waitMs = ceil(windowMs + width)
      for x = 1, #names do
        freed = freed + tonumber(amounts[x] or '0')
        if freed >= needed then
          waitMs = ceil((lowest + x - 1 + buckets + 1) * width - nowMs)
          if waitMs < 1 then waitMs = 1 end
          break
        end
      end
    end
    pending[i] = {sum, lowest, highest, current, width, amount, inCurrent}
    if remaining < 0 then remaining = 0 end
  end
  if hasLine then
    line = line + 1
    lineOf[i] = KEYS[line]
    if waitMs >= 0 then
      local ahead = aheadIn(KEYS[line])
      local countsRequests = kind ~= 'w'
      if kind == 'c' and waitMs > 0 then waitMs = pollMs(ahead)      -- nothing says when a slot frees
      elseif ahead > 0 and not (waitMs == 0 and countsRequests and remaining > ahead) then
        local poll = pollMs(ahead)
        if poll > waitMs then waitMs = poll end
      end
    end
  end
  if waitMs ~= 0 then
    if isObserved then skipped = skipped .. ',' .. i
    else
      isRefused = true
      if waitMs < 0 or not lineOf[i] then mayWait = false end
    end
  end
  local r = i * 3
  reply[r] = remaining
  reply[r + 1] = resetMs
  reply[r + 2] = waitMs
end

if isRefused then
  reply[1] = 0
  if not mayWait then return reply end
  local namespace = ARGV[6]
  local ticket = call('HGET', KEYS[3], 't:' .. rid)
  local order
  if ticket then order = tonumber(string.match(ticket, '^(%d+)|'))
  else
    local q = call('HMGET', KEYS[3], 'n:' .. namespace, 'v', 'l:' .. namespace)
    if tonumber(q[1] or '0') >= tonumber(ARGV[8]) then return reply end
    order = math.max(tonumber(q[2] or '0'), tonumber(q[3] or '0')) + floor(1000000 / tonumber(ARGV[7]))
    call('HSET', KEYS[3], 't:' .. rid, S(order) .. '|' .. namespace, 'l:' .. namespace, order)
    call('HINCRBY', KEYS[3], 'n:' .. namespace, 1)
  end
  local ticketMs = tonumber(ARGV[9])
  call('ZADD', KEYS[4], nowMs + ticketMs, rid)
  call('PEXPIRE', KEYS[3], 600000)
  call('PEXPIRE', KEYS[4], 600000)
  for i = 1, n do
    if lineOf[i] then
      if reply[i * 3 + 2] ~= 0 and string.sub(ARGV[6 + i * 5], 2, 2) ~= 'o' then
        call('ZADD', lineOf[i], order, rid)
        call('PEXPIRE', lineOf[i], 600000)
      else call('ZREM', lineOf[i], rid) end
    end
  end
  reply[1] = 5
  return reply
end

for i = 1, n do
  local key, o, r = KEYS[4 + i], 6 + i * 5, i * 3
  if reply[r + 2] == 0 then
    local kind = string.sub(ARGV[o], 1, 1)
    if kind == 'r' then
      local ms = ceil((pending[i] - nowUs) / 1000)
      call('SET', key, pending[i], 'PX', ms + 1000)
      reply[r] = reply[r] - 1
      reply[r + 1] = ms
    elseif kind == 'c' then
      call('ZADD', key, nowMs + leaseMs, rid)
      reply[r] = reply[r] - 1
    else
      local p, windowMs, buckets = pending[i], tonumber(ARGV[o + 2]), tonumber(ARGV[o + 3])
      local sum = p[1] + p[6]
      local highest = setBucket(key, windowMs, p[5], p[4], not p[7], (p[7] or 0) + p[6], sum, p[2], p[3])
      reply[r] = tonumber(ARGV[o + 1]) - sum
      reply[r + 1] = 0
      if sum > 0 then reply[r + 1] = ceil((highest + buckets + 1) * p[5] - nowMs) end
    end
  end
end
call('HSET', KEYS[2], rid, S(nowMs) .. '\n' .. skipped .. '\n' .. ARGV[5], 'o:' .. rid, ARGV[10])
call('ZADD', KEYS[1], nowMs + leaseMs, rid)
if hasLines then
  local order = dropTicket(rid)
  if order then
    if order > tonumber(call('HGET', KEYS[3], 'v') or '0') then call('HSET', KEYS[3], 'v', order) end
    for i = 1, n do
      if lineOf[i] then call('ZREM', lineOf[i], rid) end
    end
  end
end
return reply
