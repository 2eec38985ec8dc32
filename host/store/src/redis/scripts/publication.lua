-- Precedes commit.lua and restore.lua: the steps that both take.
-- args: token, ttl_ms, layout, format, entries, bytes, root, refill_interval_ms, mark (absent: none), record_bytes

local ttl, has_hash = tonumber(args.ttl_ms), args.layout ~= 'record'
local id, entries = unpack(call('HMGET', meta, 'id', 'entries'))
local old_record, old_bytes, old_tail = unpack(call('HMGET', meta, 'record', 'record_bytes', 'record_tail'))

-- The end of a record: the time it is saved, by this clock. kiwi-cache recognises a new record by it.
local tail = string.format('}, "timestamp": %010d.%06d}', clock[1], clock[2])

-- The refusal of every publication that cannot work: wrong types, missing permissions.
local function refusal()
  return wrong_type({
      [data] = 'hash', [meta] = 'hash', [lease] = 'hash', [changes] = 'stream', [staging] = 'hash',
    })
    or record and wrong_type({[record] = 'string', [staged_record] = 'string', [lock] = 'string'})
    or forbidden({
      {'UNLINK', data}, {'UNLINK', lease}, {'UNLINK', changes}, {'UNLINK', staging}, {'EXISTS', data},
      {'RENAME', staging, data}, {'RENAME', data, staging}, {'UNLINK', lent_changes}, {'EXISTS', lent_changes},
      {'RENAME', lent_changes, changes}, {'RENAME', changes, lent_changes}, {'PEXPIREAT', data, '1'},
      {'PERSIST', data}, {'HSET', meta, 'f', 'v'}, {'HSET', lease, 'f', 'v'}, {'HDEL', meta, 'f'},
    })
    or record and forbidden({
      {'UNLINK', record}, {'SETRANGE', staged_record, '0', 'v'}, {'RENAME', staged_record, record},
      {'PEXPIREAT', record, '1'}, {'PERSIST', record}, {'UNLINK', staged_record}, {'DEL', lock},
    })
end

-- Whether all entries of the published hash exist.
local function is_hash_whole()
  return not has_hash or call('HLEN', data) == tonumber(entries)
end

-- Whether the published record is the one that a host has written.
local function is_record_whole()
  return not record or (old_record == record and is_ours(record, old_bytes, old_tail))
end

local function is_staging_whole()
  return (not has_hash or call('HLEN', staging) == tonumber(args.entries))
    and (not record or call('STRLEN', staged_record) == tonumber(args.record_bytes))
end

-- Makes what another layout has left expire when its time is over, and not earlier: it may still be read.
local function expire_old(key)
  if redis.pcall('PTTL', key) == -1 then redis.pcall('PEXPIRE', key, ttl > 0 and ttl or LEASE_MEMORY) end
end

-- Moves the staged hash and record to where they are read.
local function publish_staging()
  if has_hash then
    call('UNLINK', data) -- not left to RENAME, which frees a big hash while everybody waits
    if call('EXISTS', staging) == 1 then call('RENAME', staging, data) end -- an empty map has no key
  else
    expire_old(data)
  end
  if record then
    call('UNLINK', record)
    call('SETRANGE', staged_record, tonumber(args.record_bytes) - #tail, tail) -- over an end of the same length
    call('RENAME', staged_record, record)
  end
end

local function expire_data()
  if old_record and old_record ~= record and is_ours(old_record, old_bytes, old_tail) then expire_old(old_record) end
  if has_hash then expire(data, ttl) end -- before any HSET: what follows a first write is allowed when memory is full
  if record then expire(record, ttl) end
  expire(meta, ttl)
end

-- Writes what describes the new data.
local function put_head(seq, loaded_at, change_bytes)
  call('HSET', meta, 'format', args.format, 'id', args.id, 'seq', seq,
    'entries', has_hash and call('HLEN', data) or args.entries, 'bytes', args.bytes, 'root', args.root,
    'loaded_at', loaded_at, 'chbytes', change_bytes, 'layout', args.layout)
  if record then
    call('HSET', meta, 'record', record, 'record_bytes', call('STRLEN', record), 'record_tail', tail)
  else
    call('HDEL', meta, 'record', 'record_bytes', 'record_tail')
  end
end

-- Writes what every refill updates, also one that finds nothing changed.
local function put_check(checked_at)
  expire(changes, ttl)
  call('HSET', meta, 'checked_at', checked_at, 'ttl', ttl, 'refill_interval', args.refill_interval_ms)
  if args.mark then call('HSET', meta, 'mark', args.mark) else call('HDEL', meta, 'mark') end
end

-- Announces a new snapshot. A hint: readers poll as well.
local function announce()
  redis.pcall('PUBLISH', args.channel, args.id)
end
