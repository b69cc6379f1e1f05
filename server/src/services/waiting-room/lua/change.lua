-- change: sets fields of control if nobody has changed the room since, and increments `rev`.
-- Idempotent: a repeat gets the same reply and changes nothing.
-- KEYS[1] control
-- KEYS[2] pass ends
-- KEYS[3] passes
-- ARGV[2] the id of this change
-- ARGV[3] the `rev` that the caller saw
-- ARGV[4] 1: freezes the entries of the draw at the current tail
-- ARGV[5] 1: revokes every pass given so far
-- ARGV[6] for how many ms to release nothing
-- ARGV[7..] fields and values of control
-- Returns { OK, the state, 1 if changed, else 0 }, { MISSING } or { FENCED }

local known = redis.call('HMGET', KEYS[1], 'runId', 'nowMs', 'rev', 'lastChangeId', 'tail',
  'epoch', 'heldUntilMs')
if not known[1] then return { MISSING } end
if not isKeptHere(known[1]) then return { FENCED } end
local now = nowAfter(known[2])
local isRepeat = known[4] == ARGV[2]
local isChanged = isRepeat or known[3] == ARGV[3]

if isChanged and not isRepeat then
  if ARGV[4] == '1' then
    -- A phase among the given fields is set later and overrides this one.
    redis.call('HSET', KEYS[1], 'phase', 'sealed', 'drawEntries', known[5])
  end
  if ARGV[5] == '1' then
    redis.call('DEL', KEYS[2], KEYS[3])
    local epoch = tonumber(known[6]) + 1
    redis.call('HSET', KEYS[1], 'epoch', epoch, 'passEpoch', epoch)
  end
  redis.call('HSET', KEYS[1], 'rev', tonumber(known[3]) + 1, 'lastChangeId', ARGV[2],
    'heldUntilMs', math.max(tonumber(known[7]), ARGV[6] == '0' and 0 or now + tonumber(ARGV[6])),
    unpack(ARGV, 7))
end
redis.call('HSET', KEYS[1], 'nowMs', now)
local answer = stateAt(now)
answer[#answer + 1] = isChanged and 1 or 0
return answer
