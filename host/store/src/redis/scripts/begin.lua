-- Takes the lease of a cache if it is due by this clock and no other host holds it. Where the cache
-- has a record, kiwi-cache's lock is taken with it.
-- args: token, definition, host, lease_ms, due_ms (absent: due now), format, layout, head (the fields to return)

-- How much later than the host that published last the others of its definition find a cache due.
local HEAD_START = 1000
local lease_ms, due_ms = tonumber(args.lease_ms), tonumber(args.due_ms)

local refused = wrong_type({[data] = 'hash', [meta] = 'hash', [lease] = 'hash', [log] = 'stream'})
  -- All permissions of a refill, now: not after the loader has worked for an hour.
  or forbidden({
    {'HSET', lease, 'f', 'v'}, {'PEXPIREAT', lease, '1'}, {'UNLINK', lease}, {'MULTI'}, {'EXEC'},
    {'HSET', version, 'f', 'v'}, {'PEXPIRE', version, '1'}, {'PEXPIREAT', version, '1'}, {'PERSIST', version},
    {'HGET', version, 'f'}, {'HLEN', version}, {'UNLINK', version},
    {'HSET', staging, 'f', 'v'}, {'HDEL', staging, 'f'}, {'PEXPIRE', staging, '1'}, {'RENAME', staging, data},
    {'RENAME', data, staging}, {'UNLINK', staging}, {'UNLINK', data}, {'PEXPIREAT', data, '1'}, {'PERSIST', data},
    {'EXISTS', data}, {'HLEN', data}, {'XADD', log, '*', 'f', 'v'}, {'XLEN', log}, {'XRANGE', log, '-', '+'},
    {'XREVRANGE', log, '+', '-'}, {'XTRIM', log, 'MINID', '1'}, {'UNLINK', log},
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

local published = read_meta(unpack(PUBLISHED))
if (tonumber(published.format) or 0) > tonumber(args.format) then return {'format', published.format} end
local has_our_layout = (published.layout or 'hash') == args.layout and published.record == record
local exists = is_data_whole(published)
  and (not has_our_layout or not record or call('EXISTS', record) == 1)
-- Another layout than ours is replaced at once; but where two hosts have two layouts, not at once again.
local is_ours_to_replace = not has_our_layout and (tonumber(published.relaid_at) or 0) + (due_ms or 0) < now
if exists and due_ms and not is_ours_to_replace then
  -- The host that published last remembers what it published, and has a short head start over others of its definition.
  -- Not over those of another one: if that is wrong, it must show.
  local is_second = published.definition == args.definition and published.holder ~= args.host
  local head_start = is_second and math.min(HEAD_START, due_ms / 10) or 0
  local left = (tonumber(published.checked_at) or 0) + due_ms + head_start - now
  -- More than the whole time left: the clock was set back since.
  if left > 0 and left <= due_ms + head_start then return {'fresh', math.ceil(left)} end
end
-- kiwi-cache may have written its own record over ours: then nothing can be compared with what is there. Neither
-- can it with another layout or another format.
local base, log_room = false, 0
if exists and has_our_layout and (published.version or published.layout == 'record')
  and (not record or is_ours(record, published.record_bytes, published.record_tail)) then
  local fields = {}
  for field in args.head:gmatch('%S+') do fields[#fields + 1] = field end
  base = call('HMGET', meta, unpack(fields))
  log_room = math.max(max_log_bytes(tonumber(published.bytes) or 0) - (tonumber(published.logged) or 0), 0)
end

if lock then call('SET', lock, args.token, 'PX', lease_ms) end
call('HSET', lease, 'token', args.token, 'until', now + lease_ms, 'host', args.host)
expire(lease, lease_ms + LEASE_MEMORY)
return {'go', holder or '', base, failing and failing.times or 0, log_room, published.definition == args.definition and 1 or 0}
