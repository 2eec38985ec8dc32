-- Sets every TTL in Redis, except that of what is staged (staging.rs). Stands after the prelude in each script.

-- Makes a key expire: in so many milliseconds, 0 for never.
local function expire(key, ttl)
  if ttl > 0 then call('PEXPIREAT', key, now + ttl) else call('PERSIST', key) end
end
