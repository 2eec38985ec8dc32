-- Sets the TTLs in Redis. Stands after the prelude in each script. Three are set elsewhere: that of what is staged
-- (staging.rs), that of kiwi-cache's lock when it is taken (begin.lua), and that of what is superseded (publication.lua,
-- repack.lua).

-- Makes a key expire: in so many milliseconds, 0 for never.
local function expire(key, ttl)
  if ttl > 0 then call('PEXPIREAT', key, now + ttl) else call('PERSIST', key) end
end

-- Makes a key expire when meta does.
local function expire_with_meta(key)
  local left = call('PTTL', meta) -- -1: never; -2: it has just expired
  expire(key, left == -1 and 0 or math.max(left, 1))
end
