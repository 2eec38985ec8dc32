-- Precedes commit.lua and restore.lua: the steps that both take. Stands after published.lua.
-- args: token, ttl_ms, layout, format, entries, bytes, root, refill_interval_ms, mark (absent: none), record_bytes,
--   grace_ms, host, push (the fields of meta that are announced with a delta; absent: none are); and of a whole map:
--   version, segments: a version that is complete, or
--   version = '', inline: the one chunk of a small map; its entries come behind the named arguments for the hash
--   is_hash_staged: the entries are in staging as well, for the hash. Without it the hash follows later

local ttl, has_hash = tonumber(args.ttl_ms), args.layout == 'hash' or args.layout == 'both'
local published = read_meta(unpack(PUBLISHED))

-- The end of a record: the time it is saved, by this clock. kiwi-cache recognises a new record by it.
local tail = string.format('}, "timestamp": %010d.%06d}', clock[1], clock[2])

-- The refusal of every publication that cannot work: wrong types, missing permissions.
local function refusal()
  return wrong_type({
      [data] = 'hash', [meta] = 'hash', [lease] = 'hash', [log] = 'stream', [staging] = 'hash', [version] = 'hash',
    })
    or record and wrong_type({[record] = 'string', [staged_record] = 'string', [lock] = 'string'})
    or forbidden({
      {'UNLINK', data}, {'UNLINK', lease}, {'UNLINK', log}, {'UNLINK', staging}, {'UNLINK', version}, {'EXISTS', data},
      {'HSET', data, 'f', 'v'}, {'RENAME', staging, data}, {'RENAME', data, staging}, {'PEXPIREAT', data, '1'},
      {'PERSIST', data}, {'XADD', log, '*', 'f', 'v'}, {'PEXPIREAT', log, '1'}, {'PERSIST', log},
      {'PEXPIREAT', version, '1'}, {'PERSIST', version}, {'PEXPIRE', version, '1'},
      {'HSET', meta, 'f', 'v'}, {'HDEL', meta, 'f'}, {'PEXPIREAT', meta, '1'}, {'PERSIST', meta},
    })
    or record and forbidden({
      {'UNLINK', record}, {'SETRANGE', staged_record, '0', 'v'}, {'RENAME', staged_record, record},
      {'PEXPIREAT', record, '1'}, {'PERSIST', record}, {'UNLINK', staged_record}, {'DEL', lock},
    })
end

-- Whether the published record is the one that a host has written.
local function is_record_whole()
  return not record or (published.record == record and is_ours(record, published.record_bytes, published.record_tail))
end

local function is_staging_whole()
  return (args.layout == 'record' or args.version == '' or is_version_whole(version, args.segments))
    and (not args.is_hash_staged or call('HLEN', staging) == tonumber(args.entries))
    and (not record or call('STRLEN', staged_record) == tonumber(args.record_bytes))
end

-- Makes what another layout has left expire when its time is over, and not earlier: it may still be read.
local function expire_old(key)
  if redis.pcall('PTTL', key) == -1 then redis.pcall('PEXPIRE', key, ttl > 0 and ttl or LEASE_MEMORY) end
end

-- Extends the life of all that is published, except what another layout has left. Stands before any HSET: what
-- follows a first write is allowed when memory is full.
local function expire_published(version_id)
  expire(meta, ttl)
  expire(log, ttl)
  if version_id and version_id ~= '' then expire(version_key(version_id), ttl) end
  if has_hash then expire(data, ttl) else expire_old(data) end
  local old = published.record
  if old and old ~= record and is_ours(old, published.record_bytes, published.record_tail) then expire_old(old) end
  if record then expire(record, ttl) end
end

-- Publishes a whole map: the version takes its place now, and the hash where it was staged or is small.
local function publish_whole()
  local old = published.version
  if old and old ~= '' and old ~= args.version then
    -- Readers may still be reading it.
    redis.pcall('PEXPIRE', version_key(old), args.grace_ms)
  end
  call('UNLINK', log, data .. ':changes') -- the latter was the log of format 1
  if record then
    call('UNLINK', record)
    call('SETRANGE', staged_record, tonumber(args.record_bytes) - #tail, tail) -- over an end of the same length
    call('RENAME', staged_record, record)
  end
  local view = published.view
  if not has_hash then
    view = nil
  elseif args.version == '' then
    call('UNLINK', data, staging)
    for first = rest, #ARGV, 1000 do call('HSET', data, unpack(ARGV, first, math.min(first + 999, #ARGV))) end
    view = args.id
  elseif args.is_hash_staged then
    call('UNLINK', data) -- not left to RENAME, which frees a big hash while everybody waits
    if call('EXISTS', staging) == 1 then call('RENAME', staging, data) end -- an empty map has no key
    view = args.id
  end
  expire_published(args.version)
  if args.inline then call('HSET', meta, 'inline', args.inline) else call('HDEL', meta, 'inline') end
  if args.version then
    call('HSET', meta, 'version', args.version, 'segments', args.segments or 0, 'base', args.id, 'steps', 0, 'logged', 0)
  else
    call('HDEL', meta, 'version', 'segments', 'base', 'steps', 'logged')
  end
  if published.layout and (published.layout ~= args.layout or published.record ~= record) then
    call('HSET', meta, 'relaid_at', now)
  end
  if view then call('HSET', meta, 'view', view) else call('HDEL', meta, 'view') end
  call('HDEL', meta, 'showing', 'trim', 'chbytes')
end

-- Writes what describes the new data.
local function put_head(seq, loaded_at)
  call('HSET', meta, 'format', args.format, 'id', args.id, 'seq', seq, 'entries', args.entries, 'bytes', args.bytes,
    'root', args.root, 'loaded_at', loaded_at, 'layout', args.layout)
  if record then
    call('HSET', meta, 'record', record, 'record_bytes', call('STRLEN', record), 'record_tail', tail)
  else
    call('HDEL', meta, 'record', 'record_bytes', 'record_tail')
  end
end

-- Writes what every refill updates, also one that finds nothing changed.
local function put_check(checked_at)
  call('HSET', meta, 'checked_at', checked_at, 'ttl', ttl, 'refill_interval', args.refill_interval_ms,
    'holder', args.host, 'definition', args.definition or '')
  if args.mark then call('HSET', meta, 'mark', args.mark) else call('HDEL', meta, 'mark') end
  if args.push then call('HSET', meta, 'push', 'delta') else call('HDEL', meta, 'push') end
end

-- Announces a new snapshot, by its id or by a longer message. A hint: readers poll as well.
local function announce(message)
  redis.pcall('PUBLISH', args.channel, message or args.id)
end
