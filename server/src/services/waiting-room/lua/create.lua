-- create: creates the room with counts of 0; an existing room stays as it is.
-- KEYS[1] control
-- ARGV[2] 1: nobody was ever in it; 0: only reads, because a missing room was lost
-- ARGV[3..] fields and values of control
-- Returns { OK, the state }, { MISSING } or { FENCED }

local known = redis.call('HMGET', KEYS[1], 'runId', 'nowMs')
if not known[1] and ARGV[2] == '0' then return { MISSING } end
if known[1] and not isKeptHere(known[1]) then return { FENCED } end
local now = nowAfter(known[2])
if not known[1] then
  local here = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
  -- Fields that every call reads come first: a short hash is searched from its beginning.
  redis.call('HSET', KEYS[1], 'runId', here, 'nowMs', now, 'tail', 0, 'front', 0,
    'waiting', 0, 'admitted', 0, 'reserved', 0, 'heldUntilMs', 0, 'lastTickMs', 0, 'credit', 0,
    'rotatedAtMs', 0, 'lastChangeId', '', unpack(ARGV, 3))
end
redis.call('HSET', KEYS[1], 'nowMs', now)
return stateAt(now)
