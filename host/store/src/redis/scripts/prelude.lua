-- Precedes every script. Lua does not roll back, so a script checks whatever could stop it half-way
-- before its first write.

-- The last three are nil where the layout has no record. `version` is the one that the lease writes.
local data, meta, lease, log, staging, version, hosts, record, staged_record, lock = unpack(KEYS)
-- ARGV: how many named arguments, their names and values, and what else there is.
local args, rest = {}, 2 * ARGV[1] + 2
for i = 2, rest - 1, 2 do args[ARGV[i]] = ARGV[i + 1] end

local call = redis.call
local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- How long a lease's key outlives the lease, so that the next holder finds the token of the one
-- before, and with it what that one has staged.
local LEASE_MEMORY = 600000

-- The refusal for the first of these keys that holds a value of another type.
local function wrong_type(types)
  for key, expected in pairs(types) do
    local found = call('TYPE', key).ok
    if found ~= 'none' and found ~= expected then return {'wrong_type', key, found} end
  end
end

-- The refusal for the first of these commands that the user may not run (Redis 6.2 cannot check that).
local function forbidden(commands)
  if not redis.acl_check_cmd then return end
  for _, command in ipairs(commands) do
    if not redis.acl_check_cmd(unpack(command)) then
      return {'forbidden', command[1], command[2] or ''}
    end
  end
end

-- Some fields of meta by their names; those that are absent are nil.
local function read_meta(...)
  local values, fields = call('HMGET', meta, ...), {}
  for i, name in ipairs({...}) do fields[name] = values[i] or nil end
  return fields
end

-- The failures in a row of each definition: its id -> times, since, at, retry_at, host, kind, message.
local function read_failures()
  local is_read, failures = pcall(cjson.decode, call('HGET', meta, 'failures') or '{}')
  return is_read and type(failures) == 'table' and failures or {}
end

local function write_failures(failures)
  if next(failures) then
    call('HSET', meta, 'failures', cjson.encode(failures))
  else
    call('HDEL', meta, 'failures')
  end
end

-- Whether a host has written this record, and not kiwi-cache since: a record ends with the time it was
-- saved, and meta has its length and its end.
local function is_ours(key, bytes, tail)
  return bytes and tail and call('STRLEN', key) == tonumber(bytes) and call('GETRANGE', key, -#tail, -1) == tail
end

-- Whether the caller holds the lease, and kiwi-cache's lock where there is one.
local function is_held()
  return call('HGET', lease, 'token') == args.token and (not lock or call('GET', lock) == args.token)
end

-- The key of a version: all have names of one length.
local function version_key(id)
  return version:sub(1, -33) .. id
end

-- Whether the lease's version is the one that is published.
local function is_version_published()
  local id = call('HGET', meta, 'version')
  return id and id ~= '' and version_key(id) == version
end

-- Drops what is staged, and kiwi-cache's lock if it is ours.
local function drop_staging()
  call('UNLINK', staging)
  if not is_version_published() then call('UNLINK', version) end
  if record then
    call('UNLINK', staged_record)
    if call('GET', lock) == args.token then call('DEL', lock) end
  end
end
