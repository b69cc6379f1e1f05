-- decisions: reads the newest entries of the audit; changes nothing.
-- KEYS[1] control
-- KEYS[12] decisions: a stream with an entry for each tick that called somebody
-- ARGV[2] how many at most
-- Returns { OK, { { id, { field, value, … } } … the newest first } }, { MISSING } or { FENCED }

local runId = redis.call('HGET', KEYS[1], 'runId')
if not runId then return { MISSING } end
if not isKeptHere(runId) then return { FENCED } end
return { OK, redis.call('XREVRANGE', KEYS[12], '+', '-', 'COUNT', ARGV[2]) }
