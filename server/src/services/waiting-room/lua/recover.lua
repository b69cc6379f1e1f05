-- recover: makes this server the keeper of a room that another server kept, or that was lost. It
-- makes up for lost writes: a higher epoch lets people present their places and passes again, the
-- tail skips numbers that were given and lost, and nobody is called until people who were already
-- called have had time to claim. A second call changes nothing.
-- KEYS[1] control
-- KEYS[7] reserved: bits of numbers that are called and not claimed
-- KEYS[8] admitted: bits of numbers that ever had a pass
-- ARGV[2] how long to release nothing, in ms
-- ARGV[3] the highest tail seen
-- ARGV[4] the highest front seen
-- ARGV[5] by how much the tail jumps
-- ARGV[6..] remembered fields and values of control; used if control is missing
-- Returns { OK, the state } or { MISSING }

local here = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local known = redis.call('HMGET', KEYS[1], 'runId', 'nowMs')
if known[1] == here then return stateAt(nowAfter(known[2])) end
if not known[1] then
  if #ARGV < 6 then return { MISSING } end
  redis.call('HSET', KEYS[1], 'nowMs', 0, 'lastChangeId', '', 'tail', 0, 'front', 0,
    'waiting', 0, 'admitted', redis.call('BITCOUNT', KEYS[8]),
    'reserved', redis.call('BITCOUNT', KEYS[7]), 'heldUntilMs', 0, 'lastTickMs', 0,
    'rotatedAtMs', 0, unpack(ARGV, 6))
end

local now = nowAfter(known[2])
local old = redis.call('HMGET', KEYS[1], 'rev', 'epoch', 'tail', 'front', 'heldUntilMs',
  'lastTickMs', 'rotatedAtMs')
local tail = math.max(tonumber(old[3]), tonumber(ARGV[3])) + tonumber(ARGV[5])
redis.call('HSET', KEYS[1], 'runId', here, 'nowMs', now,
  'rev', tonumber(old[1]) + 1,
  'epoch', tonumber(old[2]) + 1,
  'tail', tail,
  'front', math.max(tonumber(old[4]), tonumber(ARGV[4])),
  'heldUntilMs', math.max(tonumber(old[5]), now + tonumber(ARGV[2])),
  -- The first tick would fill the bucket.
  'lastTickMs', old[6] == '0' and now or old[6],
  'rotatedAtMs', old[7] == '0' and now or old[7],
  'credit', 0)
return stateAt(now)
