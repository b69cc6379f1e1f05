-- read: reads the state of the room; changes nothing.
-- KEYS[1] control
-- ARGV none
-- Returns { OK, the state }, { MISSING } or { FENCED }

local known = redis.call('HMGET', KEYS[1], 'runId', 'nowMs')
if not known[1] then return { MISSING } end
if not isKeptHere(known[1]) then return { FENCED } end
return stateAt(nowAfter(known[2]))
