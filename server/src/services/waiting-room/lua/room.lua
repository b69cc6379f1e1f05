-- room: what the scripts of a room share; the store prepends it to each of them. All numbers are
-- integers below 2^53, so that Lua and JavaScript agree bit for bit.
-- KEYS[1] control: the room's fields and counts
-- KEYS[2] pass ends: people with a pass, by the time at which it ends
-- KEYS[4] recalled: numbers of late people who are called again, by the time at which the call ends
-- KEYS[5] late: numbers of late people, by number
-- ARGV[1] now in ms by a test's clock; empty: the server's clock is used
-- Returns nothing; the script after it begins its reply with one of these three

local OK, MISSING, FENCED = 1, 0, -1

-- `runId` is the server that keeps the room. Any other server was promoted or restarted and may
-- have lost the last acknowledged writes, so it changes nothing before `recover` has run.
local function isKeptHere(runId)
  return string.find(redis.call('INFO', 'server'), runId, 1, true) ~= nil
end

-- The clock never goes back, even if the machine's clock does.
local function nowAfter(lastMs)
  local now
  if ARGV[1] ~= '' then
    now = tonumber(ARGV[1])
  else
    local time = redis.call('TIME')
    now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  end
  return math.max(now, tonumber(lastMs) or 0)
end

-- OK, then the fields that store.redis.ts parses, in the same order.
local function stateAt(now)
  local words = redis.call('HMGET', KEYS[1], 'rev', 'epoch', 'passEpoch', 'phase', 'override',
    'overrideUntilMs', 'ratePerMinute', 'activeMax', 'lobbyAtMs', 'opensAtMs', 'message',
    'pollMultiplier', 'drawEntries', 'seed', 'root', 'drawnAtMs', 'tail', 'front', 'waiting',
    'admitted', 'reserved', 'heldUntilMs', 'lastChangeId')
  table.insert(words, 1, OK)
  words[#words + 1] = redis.call('ZCARD', KEYS[4])
  words[#words + 1] = redis.call('ZCARD', KEYS[5])
  words[#words + 1] = redis.call('ZCARD', KEYS[2])
  words[#words + 1] = now
  return words
end
