-- entries: reads some of the keys of the entries in the draw; changes nothing.
-- KEYS[1] control
-- KEYS[11] entry keys: 8 bytes an entry, in the order of joining
-- ARGV[2] the offset of the first byte to read
-- ARGV[3] how many bytes at most
-- Returns { OK, the total number of bytes, the bytes read; trailing zeros may be missing },
-- { MISSING } or { FENCED }

local known = redis.call('HMGET', KEYS[1], 'runId', 'drawEntries')
if not known[1] then return { MISSING } end
if not isKeptHere(known[1]) then return { FENCED } end
local size = 8 * tonumber(known[2])
local from = tonumber(ARGV[2])
local to = math.min(size, from + tonumber(ARGV[3])) - 1
if to < from then return { OK, size, '' } end
return { OK, size, redis.call('GETRANGE', KEYS[11], from, to) }
