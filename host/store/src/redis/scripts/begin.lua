-- Takes the lease of a cache if it is due by this clock and no other host holds it. Where the cache
-- has a record, kiwi-cache's lock is taken with it.
-- args: token, definition, host, lease_ms, due_ms (absent: due now), format, layout, head (the fields to return)

local lease_ms, due_ms = tonumber(args.lease_ms), tonumber(args.due_ms)

local refused = wrong_type({[data] = 'hash', [meta] = 'hash', [lease] = 'hash', [changes] = 'stream'})
  -- All permissions of a refill, now: not after the loader has worked for an hour.
  or forbidden({
    {'HSET', lease, 'f', 'v'}, {'PEXPIREAT', lease, '1'}, {'UNLINK', lease}, {'MULTI'}, {'EXEC'},
    {'HSET', staging, 'f', 'v'}, {'HDEL', staging, 'f'}, {'PEXPIRE', staging, '1'}, {'RENAME', staging, data},
    {'RENAME', data, staging}, {'UNLINK', staging}, {'UNLINK', data}, {'PEXPIREAT', data, '1'}, {'PERSIST', data},
    {'EXISTS', data}, {'XADD', changes, '*', 'f', 'v'}, {'UNLINK', changes},
    {'HSET', meta, 'f', 'v'}, {'HDEL', meta, 'f'}, {'PTTL', meta},
  })
  or record and (wrong_type({[record] = 'string', [lock] = 'string'}) or forbidden({
    {'STRLEN', record}, {'GETRANGE', record, '0', '1'}, {'EXISTS', record}, {'UNLINK', record},
    {'RENAME', staged_record, record}, {'PEXPIREAT', record, '1'}, {'PERSIST', record},
    {'SET', staged_record, 'v', 'PX', '1'}, {'SETRANGE', staged_record, '0', 'v'}, {'UNLINK', staged_record},
    {'GET', lock}, {'SET', lock, 'v', 'PX', '1'}, {'PEXPIRE', lock, '1'}, {'PTTL', lock}, {'DEL', lock},
  }))
if refused then return refused end

local holder, ends = unpack(call('HMGET', lease, 'token', 'until'))
local left = (tonumber(ends) or 0) - now
-- An empty token is the back-off of an older host, which was for all definitions.
if holder and holder ~= '' and holder ~= args.token and left > 0 then return {'busy', left} end
local failing = read_failures()[args.definition]
local backoff = failing and failing.retry_at - now or 0
if due_ms and backoff > 0 then return {'backoff', backoff} end
if lock then
  local owner = call('GET', lock)
  -- It was ours when we began: somebody else may have loaded since.
  local was_lost = holder == args.token and owner ~= args.token
  if was_lost or (owner and owner ~= args.token) then return {'busy', math.max(call('PTTL', lock), 0)} end
end

local format, id, entries, checked_at = unpack(call('HMGET', meta, 'format', 'id', 'entries', 'checked_at'))
if (tonumber(format) or 0) > tonumber(args.format) then return {'format', format} end
local old_layout, old_record, bytes, tail =
  unpack(call('HMGET', meta, 'layout', 'record', 'record_bytes', 'record_tail'))
local exists = id and (old_layout or 'hash') == args.layout and (old_record or nil) == record
  and (args.layout == 'record' or call('HLEN', data) == tonumber(entries))
  and (not record or call('EXISTS', record) == 1)
if exists and due_ms then
  local left = (tonumber(checked_at) or 0) + due_ms - now
  -- More than the whole time left: the clock was set back since.
  if left > 0 and left <= due_ms then return {'fresh', left} end
end
-- kiwi-cache may have written its own record over ours: then nothing can be compared with what is there.
local base = false
if exists and (not record or is_ours(record, bytes, tail)) then
  local fields = {}
  for field in args.head:gmatch('%S+') do fields[#fields + 1] = field end
  base = call('HMGET', meta, unpack(fields))
end

if lock then call('SET', lock, args.token, 'PX', lease_ms) end
call('HSET', lease, 'token', args.token, 'until', now + lease_ms, 'host', args.host)
expire(lease, lease_ms + LEASE_MEMORY)
return {'go', holder or '', base, failing and failing.times or 0}
