-- tick: applies the effects of time to a room, at most once per tickMs: due phases, expired passes
-- and calls, presence, the bucket; then it calls late people again and moves the front over people
-- who are present. Before tickMs have passed it only reads.
-- KEYS[1] control
-- KEYS[2] pass ends
-- KEYS[3] passes
-- KEYS[4] recalled
-- KEYS[5] late
-- KEYS[6] batches: moves of the front whose claim window is still open, by their last number
-- KEYS[7] reserved
-- KEYS[8] admitted: also numbers that missed a second call
-- KEYS[9] present now
-- KEYS[10] present before
-- KEYS[12] decisions
-- ARGV[2] tickMs
-- ARGV[3] claimWindowMs
-- ARGV[4] presenceMs
-- ARGV[5] windowNumbers
-- ARGV[6] unsold seats; empty: unknown, so nobody is called
-- ARGV[7] the highest tail that this process saw
-- ARGV[8] the highest front that this process saw
-- ARGV[9] lateOneIn
-- Returns { OK, the state }, { MISSING } or { FENCED }

local known = redis.call('HMGET', KEYS[1], 'runId', 'nowMs', 'lastTickMs', 'rev', 'phase',
  'override', 'overrideUntilMs', 'ratePerMinute', 'activeMax', 'lobbyAtMs', 'drawnAtMs', 'tail',
  'front', 'reserved', 'heldUntilMs', 'credit', 'rotatedAtMs', 'waiting', 'lateShare')
if not known[1] then return { MISSING } end
if not isKeptHere(known[1]) then return { FENCED } end
local now, tickMs, windowMs = nowAfter(known[2]), tonumber(ARGV[2]), tonumber(ARGV[3])
local lastTick = tonumber(known[3])
-- Every process sends what it has seen, because a promoted server may know less.
local tail = math.max(tonumber(known[12]), tonumber(ARGV[7]))
local front = math.max(tonumber(known[13]), tonumber(ARGV[8]))
if lastTick > 0 and now - lastTick < tickMs then
  redis.call('HSET', KEYS[1], 'nowMs', now, 'tail', tail, 'front', front)
  return stateAt(now)
end

local unit = 60000
local rev, phase, override = tonumber(known[4]), known[5], known[6]
local overrideUntil, rate, activeMax = known[7], tonumber(known[8]), tonumber(known[9])
local reserved, heldUntil = tonumber(known[14]), tonumber(known[15])
local credit, rotatedAt = tonumber(known[16]), tonumber(known[17])
local waiting, latePrice = tonumber(known[18]), tonumber(ARGV[9]) - 1
-- A new person who is called adds one to it, a late one takes `latePrice`; see limits.ts.
local lateShare = tonumber(known[19]) or latePrice
-- Capacity: two ticks, plus the person that the bucket is saving for.
local burst = unit + rate * 2 * tickMs

local function changePhases()
  local untilMs = tonumber(overrideUntil)
  if override ~= 'none' and untilMs > 0 and untilMs <= now then
    override, overrideUntil, rev = 'none', '0', rev + 1
  end
  if phase == 'idle' and tonumber(known[10]) <= now then
    phase, rev = 'lobby', rev + 1
  elseif phase == 'draining' and front >= tail and reserved == 0
    and redis.call('ZCARD', KEYS[2]) == 0 and redis.call('ZCARD', KEYS[4]) == 0
    and redis.call('ZCARD', KEYS[5]) == 0 then
    -- `waiting` need not be 0: it counts people who vanished forever.
    phase, rev = 'closed', rev + 1
  end
end

-- A thousand at a time: Lua's stack is small.
local function endPasses()
  repeat
    local people = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 1000)
    if #people > 0 then
      redis.call('HDEL', KEYS[3], unpack(people))
      redis.call('ZREM', KEYS[2], unpack(people))
    end
  until #people < 1000
end

-- Within a byte of a bitmap the lowest number is the highest bit.
local function clearReserved(from, to)
  local first, last = math.floor(from / 8), math.floor(to / 8)
  local bytes = { string.byte(redis.call('GETRANGE', KEYS[7], first, last), 1, -1) }
  local keepsBefore = bit.bxor(255, bit.rshift(255, from % 8))
  local keepsAfter = bit.rshift(127, to % 8)
  for i = 1, #bytes do
    local keeps = 0
    if i == 1 then keeps = keepsBefore end
    if i == last - first + 1 then keeps = bit.bor(keeps, keepsAfter) end
    bytes[i] = bit.band(bytes[i], keeps)
  end
  if #bytes > 0 then redis.call('SETRANGE', KEYS[7], first, string.char(unpack(bytes))) end
end

local function endCalls()
  local batches = redis.call('ZRANGE', KEYS[6], 0, -1)
  for i = 1, #batches do
    local from, to, expires = string.match(batches[i], '^(%d+):(%d+):(%d+)$')
    if tonumber(expires) <= now then
      reserved = reserved - redis.call('BITCOUNT', KEYS[7], from, to, 'BIT')
      clearReserved(tonumber(from), tonumber(to))
      redis.call('ZREM', KEYS[6], batches[i])
    end
  end
end

-- Who misses a second call has no place left.
local function endRecalls()
  repeat
    local numbers = redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now, 'LIMIT', 0, 1000)
    for i = 1, #numbers do redis.call('SETBIT', KEYS[8], numbers[i], 1) end
    if #numbers > 0 then redis.call('ZREM', KEYS[4], unpack(numbers)) end
    waiting = math.max(0, waiting - #numbers)
  until #numbers < 1000
end

local function rotatePresence(presenceMs)
  local age = now - rotatedAt
  -- Without ticks nobody's presence was recorded: the front would pass everybody.
  if now - lastTick >= presenceMs then heldUntil = math.max(heldUntil, now + presenceMs) end
  if age < presenceMs then return end
  redis.call('DEL', KEYS[10])
  if age >= 2 * presenceMs then
    redis.call('DEL', KEYS[9])
  elseif redis.call('EXISTS', KEYS[9]) == 1 then
    redis.call('RENAME', KEYS[9], KEYS[10])
  end
  rotatedAt = now
end

local function slotsFree()
  local seats = tonumber(ARGV[6])
  if (phase ~= 'open' and phase ~= 'draining') or override ~= 'none' then return 0 end
  if known[11] == '0' or now < heldUntil or not seats then return 0 end
  local atWork = redis.call('ZCARD', KEYS[2]) + reserved + redis.call('ZCARD', KEYS[4])
  return math.max(0, math.min(math.min(activeMax, seats) - atWork, math.floor(credit / unit)))
end

local function lateSlotsOf(free)
  if front >= tail then return free end
  return math.min(free, math.floor(lateShare / latePrice))
end

local function isPresent(number)
  return redis.call('GETBIT', KEYS[9], number) == 1 or redis.call('GETBIT', KEYS[10], number) == 1
end

-- Those who asked and are gone are no longer in the list: they ask again on return.
local function callLate(n)
  if n == 0 then return {} end
  local numbers = {}
  local asked = redis.call('ZRANGE', KEYS[5], 0, tonumber(ARGV[5]) - 1)
  for i = 1, #asked do
    if #numbers == n then break end
    redis.call('ZREM', KEYS[5], asked[i])
    if isPresent(asked[i]) then
      numbers[#numbers + 1] = asked[i]
      redis.call('ZADD', KEYS[4], now + windowMs, asked[i])
    end
  end
  return numbers
end

local function countShare(recalled, released, doOthersWait)
  if recalled + released == 0 then return end
  if doOthersWait then lateShare = math.max(0, lateShare - latePrice * recalled) end
  local most = latePrice * math.max(1, math.floor(activeMax / (latePrice + 1)))
  lateShare = math.min(most, lateShare + released)
end

local function bytesOf(text)
  return { string.byte(text, 1, -1) }
end

-- Up to n numbers of the window, in order, that are present and never had a pass; their bytes of
-- `reserved`; and the last number examined.
local function presentInWindow(n, last)
  local firstByte, lastByte = math.floor((front + 1) / 8), math.floor(last / 8)
  local nows = bytesOf(redis.call('GETRANGE', KEYS[9], firstByte, lastByte))
  local befores = bytesOf(redis.call('GETRANGE', KEYS[10], firstByte, lastByte))
  local admitteds = bytesOf(redis.call('GETRANGE', KEYS[8], firstByte, lastByte))
  local marks = bytesOf(redis.call('GETRANGE', KEYS[7], firstByte, firstByte))
  local numbers = {}
  for at = 1, lastByte - firstByte + 1 do
    local there = bit.band(bit.bor(nows[at] or 0, befores[at] or 0), bit.bnot(admitteds[at] or 0))
    marks[at] = marks[at] or 0
    if there ~= 0 then
      local number = (firstByte + at - 1) * 8
      for shift = 7, 0, -1 do
        local mark = bit.lshift(1, shift)
        if bit.band(there, mark) ~= 0 and number > front and number <= last then
          numbers[#numbers + 1] = number
          marks[at] = bit.bor(marks[at], mark)
          if #numbers == n then return numbers, firstByte, marks, number end
        end
        number = number + 1
      end
    end
  end
  return numbers, firstByte, marks, last
end

local function moveFront(n)
  local last = math.min(tail, front + tonumber(ARGV[5]))
  if n == 0 or last <= front then return {} end
  local numbers, firstByte, marks, newFront = presentInWindow(n, last)
  if #numbers > 0 then
    redis.call('SETRANGE', KEYS[7], firstByte, string.char(unpack(marks)))
    redis.call('ZADD', KEYS[6], newFront,
      string.format('%.0f:%.0f:%.0f', front + 1, newFront, now + windowMs))
    reserved = reserved + #numbers
  end
  front = newFront
  return numbers
end

if lastTick == 0 then
  lastTick, rotatedAt, credit = now, now, burst
end
credit = math.min(burst, credit + rate * (now - lastTick))
changePhases()
endPasses()
endCalls()
endRecalls()
rotatePresence(tonumber(ARGV[4]))
local free = slotsFree()
local doOthersWait = front < tail
local recalled = callLate(lateSlotsOf(free))
local released = moveFront(free - #recalled)
countShare(#recalled, #released, doOthersWait)
credit = credit - unit * (#recalled + #released)
redis.call('HSET', KEYS[1], 'nowMs', now, 'lastTickMs', now, 'rev', rev, 'phase', phase,
  'override', override, 'overrideUntilMs', overrideUntil, 'tail', tail, 'front', front,
  'reserved', reserved, 'heldUntilMs', heldUntil, 'credit', credit, 'rotatedAtMs', rotatedAt,
  'waiting', waiting, 'lateShare', lateShare)
if #recalled + #released > 0 then
  redis.call('XADD', KEYS[12], 'MAXLEN', '~', 10000, '*', 'atMs', now, 'front', front,
    'called', reserved + redis.call('ZCARD', KEYS[4]), 'active', redis.call('ZCARD', KEYS[2]),
    'recalled', table.concat(recalled, ','), 'released', table.concat(released, ','))
end
return stateAt(now)
