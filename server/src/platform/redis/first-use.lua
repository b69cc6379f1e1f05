-- Records the first use of something: answers "am I the first?".
-- KEYS[1] what is used
-- ARGV[1] identifies this call, so that the same call sent twice is the first both times
-- ARGV[2] how long to remember, ms
-- Returns 1 to the first call, 0 to every other
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return 1
end
return redis.call('GET', KEYS[1]) == ARGV[1] and 1 or 0
