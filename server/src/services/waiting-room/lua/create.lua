-- create: makes the room known, with counts of 0; one that is known is left as it is.
-- KEYS[1] control
-- ARGV[2..] fields and values of control
-- Returns { OK, the state } or { FENCED }

local known = redis.call('HMGET', KEYS[1], 'runId', 'nowMs')
if known[1] and known[1] ~= serverId() then return { FENCED } end
local now = nowAfter(known[2])
if not known[1] then
  redis.call('HSET', KEYS[1], 'runId', serverId(), 'lastChangeId', '', 'tail', 0, 'front', 0,
    'waiting', 0, 'admitted', 0, 'reserved', 0, 'heldUntilMs', 0, 'lastTickMs', 0, 'credit', 0,
    'rotatedAtMs', 0, unpack(ARGV, 2))
end
redis.call('HSET', KEYS[1], 'nowMs', now)
return stateAt(now)
