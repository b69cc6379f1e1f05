-- play: plays commands in order, all at one instant. Each command is idempotent.
-- KEYS[1] control
-- KEYS[2] pass ends
-- KEYS[3] passes: person → number:endsAtMs:endsByMs:orderId
-- KEYS[4] recalled
-- KEYS[5] late
-- KEYS[6] batches: from:to:expiresAtMs, by `to`
-- KEYS[7] reserved
-- KEYS[8] admitted
-- KEYS[9] present now
-- KEYS[10] present before
-- KEYS[11] entry keys
-- KEYS[13..] for each command, its person's bucket: person → entry, or -1 - entry when spent
-- ARGV[2] passTtlMs
-- ARGV[3] passMaxMs
-- ARGV[4] the commands as packed by store.redis.ts: a letter, the person, the rest
-- Returns { OK, epoch, phase, override, tail, front, now, answers … }, { MISSING } or { FENCED }.
-- The answer to `j` is 2 × entry + 1 if new, 2 × entry if not, -1 if refused; other answers are one
-- of the numbers below: CALLED is followed by the time at which it ends, ACTIVE by the pass

local known = redis.call('HMGET', KEYS[1], 'runId', 'nowMs', 'epoch', 'passEpoch', 'phase',
  'override', 'activeMax', 'drawEntries', 'drawnAtMs', 'tail', 'front', 'waiting', 'admitted',
  'reserved')
if not known[1] then return { MISSING } end
if not isKeptHere(known[1]) then return { FENCED } end
local now = nowAfter(known[2])
local epoch, phase = tonumber(known[3]), known[5]
local drawEntries, isDrawn = tonumber(known[8]), known[9] ~= '0'
local tail, front, waiting = tonumber(known[10]), tonumber(known[11]), tonumber(known[12])
local admitted, reserved = tonumber(known[13]), tonumber(known[14])
local isGathering = phase == 'idle' or phase == 'lobby'
local letsIn = (phase == 'lobby' or phase == 'sealed' or phase == 'open')
  and known[6] ~= 'reject'
local passTtl, passMax = tonumber(ARGV[2]), tonumber(ARGV[3])

local NONE, LOBBY, WAITING, CALLED, LATE, ACTIVE, OVER, DONE = 0, 1, 2, 3, 4, 5, 6, 7
local byte, unpackFrom = string.byte, struct.unpack
local commands, at = ARGV[4], 1
-- The first seven are the state of the room; the tail is filled in at the end.
local answers, size = { OK, epoch, phase, known[6], tail, front, now }, 7

local function say(word)
  size = size + 1
  answers[size] = word
end


-- New entries of a batch are consecutive, so their parts of strings are written once at the end.
local newKeys, newKeysFrom = {}, 0
local function keepNewKeys()
  if #newKeys == 0 then return end
  redis.call('SETRANGE', KEYS[11], 8 * newKeysFrom, table.concat(newKeys))
  newKeys = {}
end
local function keepKey(entry, person)
  if newKeysFrom + #newKeys ~= entry then keepNewKeys() end
  if #newKeys == 0 then newKeysFrom = entry end
  newKeys[#newKeys + 1] = person
end

-- Consecutive numbers set their bits together: a row of 256 with one SETRANGE.
local presentFrom, presentTo = 1, 0
local function keepPresent()
  local from, to = presentFrom, presentTo
  presentFrom, presentTo = 1, 0
  for number = from, math.min(to, from + (8 - from % 8) % 8 - 1) do
    redis.call('SETBIT', KEYS[9], number, 1)
  end
  from = 8 * math.ceil(from / 8)
  local bytes = math.floor((to + 1 - from) / 8)
  if bytes > 0 then redis.call('SETRANGE', KEYS[9], from / 8, string.rep('\255', bytes)) end
  for number = from + 8 * math.max(0, bytes), to do redis.call('SETBIT', KEYS[9], number, 1) end
end
local function markPresent(number)
  if number ~= presentTo + 1 then
    keepPresent()
    presentFrom = number
  end
  presentTo = number
end

local function passOf(person)
  local row = redis.call('HGET', KEYS[3], person)
  if not row then return nil end
  local number, endsAt, endsBy, orderId = string.match(row, '^(%d+):(%d+):(%d+):(.*)$')
  return { number = tonumber(number), endsAt = tonumber(endsAt), endsBy = tonumber(endsBy),
    orderId = orderId }
end
local function keepPass(person, pass)
  redis.call('HSET', KEYS[3], person,
    string.format('%.0f:%.0f:%.0f:%s', pass.number, pass.endsAt, pass.endsBy, pass.orderId))
  redis.call('ZADD', KEYS[2], pass.endsAt, person)
end
local function dropPass(person)
  if redis.call('HDEL', KEYS[3], person) == 0 then return false end
  redis.call('ZREM', KEYS[2], person)
  return true
end
local function sayPass(pass)
  say(ACTIVE)
  say(pass.number)
  say(pass.endsAt)
  say(pass.endsBy)
  say(pass.orderId)
end

local function admit(number)
  redis.call('SETBIT', KEYS[8], number, 1)
  admitted = admitted + 1
end
local function isAdmitted(number)
  return redis.call('GETBIT', KEYS[8], number) == 1
end
local function endWaiting()
  waiting = math.max(0, waiting - 1)
end

local function bringBack(person, i, entry)
  redis.call('HSET', KEYS[12 + i], person, entry)
  tail = math.max(tail, entry + 1)
  local wasAdmitted = isDrawn and entry >= drawEntries and isAdmitted(entry + 1)
  if not wasAdmitted and redis.call('HEXISTS', KEYS[3], person) == 0 then waiting = waiting + 1 end
  if isGathering or (phase == 'sealed' and entry < drawEntries) then
    keepKey(entry, person)
  end
  say(2 * entry)
end

local function enter(person)
  if isGathering then keepKey(tail, person) end
  if isDrawn then
    markPresent(tail + 1)
    dropPass(person)
  end
  say(2 * tail + 1)
  tail, waiting = tail + 1, waiting + 1
end

local function join(person, i)
  local flags = byte(commands, at)
  local shownEntry, shownEpoch, replaces
  at = at + 1
  -- A person without a token is most likely new: this takes one call instead of two.
  if flags == 1 and letsIn and redis.call('HSETNX', KEYS[12 + i], person, tail) == 1 then
    return enter(person)
  end
  if flags % 4 >= 2 then
    shownEntry, shownEpoch, at = unpackFrom('>I4I4', commands, at)
  end
  if flags >= 4 then replaces, at = unpackFrom('>I4', commands, at) end
  local row = tonumber(redis.call('HGET', KEYS[12 + i], person))
  if row and row >= 0 and row ~= replaces then return say(2 * row) end
  if not row and shownEntry and shownEpoch < epoch then return bringBack(person, i, shownEntry) end
  if not letsIn or flags % 2 == 0 then return say(-1) end
  redis.call('HSET', KEYS[12 + i], person, tail)
  enter(person)
end

-- When the call of this number ends, and the kind of call; nil if it is not called.
local function callOf(number)
  local expires = redis.call('ZSCORE', KEYS[4], number)
  if expires then return tonumber(expires), true end
  if redis.call('GETBIT', KEYS[7], number) == 0 then return nil end
  local batch = redis.call('ZRANGEBYSCORE', KEYS[6], number, '+inf', 'LIMIT', 0, 1)[1]
  return tonumber(string.match(batch, '%d+$')), false
end
local function endCall(number, isRecalled)
  if isRecalled then
    redis.call('ZREM', KEYS[4], number)
  else
    redis.call('SETBIT', KEYS[7], number, 0)
    reserved = reserved - 1
  end
end

local function claimCalled(person, number, isRecalled)
  endCall(number, isRecalled)
  endWaiting()
  admit(number)
  local endsBy = now + passMax
  local pass = { number = number, endsAt = math.min(now + passTtl, endsBy), endsBy = endsBy,
    orderId = '' }
  keepPass(person, pass)
  sayPass(pass)
end

local function stand(person, i, claims)
  local entry, number
  entry, number, at = unpackFrom('>I4I4', commands, at)
  local row = tonumber(redis.call('HGET', KEYS[12 + i], person))
  if row ~= entry then return say(NONE) end
  if not isDrawn or number == 0 then return say(LOBBY) end
  local pass = passOf(person)
  if pass and pass.endsAt > now then return sayPass(pass) end
  if isAdmitted(number) then return say(OVER) end
  if number > front then
    markPresent(number)
    return say(WAITING)
  end
  local expires, isRecalled = callOf(number)
  if expires and claims then return claimCalled(person, number, isRecalled) end
  if expires then
    say(CALLED)
    return say(expires)
  end
  if claims then
    redis.call('ZADD', KEYS[5], number, number)
    markPresent(number)
  end
  say(LATE)
end

local function hasSlot()
  local atWork = redis.call('ZCARD', KEYS[2]) + reserved + redis.call('ZCARD', KEYS[4])
  return atWork < tonumber(known[7])
end

local function touch(person, i)
  local flags, number, shownEpoch, endsBy = byte(commands, at), nil, nil, nil
  at = at + 1
  if flags == 1 then number, shownEpoch, endsBy, at = unpackFrom('>I4I4d', commands, at) end
  local pass = passOf(person)
  if pass and pass.endsAt <= now then return say(NONE) end
  if pass then
    local endsAt = math.min(now + passTtl, pass.endsBy)
    pass.endsAt = pass.orderId == '' and endsAt or math.max(endsAt, pass.endsAt)
  else
    local isLost = number and shownEpoch >= tonumber(known[4]) and shownEpoch < epoch
    if not isLost then return say(NONE) end
    if endsBy <= now or isAdmitted(number) or not hasSlot() then return say(NONE) end
    admit(number)
    tail = math.max(tail, number)
    local row = tonumber(redis.call('HGET', KEYS[12 + i], person))
    if row and row >= 0 then endWaiting() end
    pass = { number = number, endsAt = math.min(now + passTtl, endsBy), endsBy = endsBy,
      orderId = '' }
  end
  keepPass(person, pass)
  sayPass(pass)
end

local function pin(person)
  local untilMs, orderId
  untilMs, orderId, at = unpackFrom('>dBc0', commands, at)
  local pass = passOf(person)
  if not pass or pass.endsAt <= now then return say(NONE) end
  pass.orderId = orderId
  pass.endsAt = math.max(pass.endsAt, math.min(untilMs, now + passMax))
  keepPass(person, pass)
  sayPass(pass)
end

local function unpin(person)
  local orderId
  orderId, at = unpackFrom('>Bc0', commands, at)
  local pass = passOf(person)
  if not pass or pass.endsAt <= now or pass.orderId ~= orderId then return say(NONE) end
  pass.orderId = ''
  pass.endsAt = math.min(now + passTtl, pass.endsBy)
  keepPass(person, pass)
  sayPass(pass)
end

local function complete(person)
  local orderId
  orderId, at = unpackFrom('>Bc0', commands, at)
  local pass = passOf(person)
  if not pass or pass.orderId ~= orderId then return say(NONE) end
  dropPass(person)
  say(DONE)
end

local function leave(person, i)
  local entry, number
  entry, number, at = unpackFrom('>I4I4', commands, at)
  if tonumber(redis.call('HGET', KEYS[12 + i], person)) ~= entry then return say(NONE) end
  redis.call('HSET', KEYS[12 + i], person, -1 - entry)
  say(DONE)
  if dropPass(person) then return end
  local expires, isRecalled = callOf(number)
  if expires then
    endCall(number, isRecalled)
    endWaiting()
  elseif redis.call('ZREM', KEYS[5], number) == 1 then
    endWaiting()
  elseif not isAdmitted(number) then
    endWaiting()
    keepPresent()
    redis.call('SETBIT', KEYS[9], number, 0)
    redis.call('SETBIT', KEYS[10], number, 0)
  end
end

local plays = {
  [byte('j')] = join,
  [byte('a')] = function(person, i) stand(person, i, false) end,
  [byte('c')] = function(person, i) stand(person, i, true) end,
  [byte('t')] = touch,
  [byte('p')] = pin,
  [byte('u')] = unpin,
  [byte('d')] = complete,
  [byte('l')] = leave,
}
local i, last = 0, #commands
while at <= last do
  i = i + 1
  local play, person = plays[byte(commands, at)], string.sub(commands, at + 1, at + 8)
  at = at + 9
  play(person, i)
end
keepNewKeys()
keepPresent()
redis.call('HSET', KEYS[1], 'nowMs', now, 'tail', tail, 'waiting', waiting, 'admitted', admitted,
  'reserved', reserved)
answers[5] = tail
return answers
