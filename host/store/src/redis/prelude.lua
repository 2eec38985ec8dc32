-- Stands before each script. Lua does not roll back, so whatever could stop a script half-way is
-- looked for before its first write.

local call = redis.call
local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- The first of these keys that holds something of another type than ours.
local function stranger(types)
  for key, want in pairs(types) do
    local found = call('TYPE', key).ok
    if found ~= 'none' and found ~= want then return {'wrongtype', key, found} end
  end
end

-- The first of these commands that the user may not run on these keys (Redis 6.2 cannot tell).
local function forbidden(commands)
  if not redis.acl_check_cmd then return end
  for _, command in ipairs(commands) do
    if not redis.acl_check_cmd(unpack(command)) then
      return {'forbidden', command[1], command[2] or ''}
    end
  end
end

-- Gives a key its TTL: milliseconds from now, 0 for ever.
local function arm(key, ttl)
  if ttl > 0 then call('PEXPIREAT', key, now + ttl) else call('PERSIST', key) end
end

-- How long a lease's key outlives the lease, so that the next holder learns the token of the one
-- before, and with it what was left in staging.
local MEMORY = 600000

-- Whether a record is the one that meta tells of, and not one that kiwi-cache has written since: it ends
-- with the moment at which it was saved.
local function is_ours(record, bytes, tail)
  return bytes and tail and call('STRLEN', record) == tonumber(bytes) and call('GETRANGE', record, -#tail, -1) == tail
end

-- Drops a staged record, and kiwi-cache's lock if it is ours.
local function unlock(staged, lock, token)
  call('UNLINK', staged)
  if call('GET', lock) == token then call('DEL', lock) end
end
