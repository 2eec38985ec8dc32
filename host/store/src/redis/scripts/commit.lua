-- Publishes a snapshot in one step, and ends the lease.
-- args: those of publication.lua; definition, host, mode, and
--   swap:  id, seq_after, channel; the staged entries replace the data
--   open:  id, seq_after, channel, base, delta_bytes, max_change_bytes; lends the data and the changes out under
--          staging names, for the HSETs and HDELs of a delta and the XADD that records it, which follow in the
--          same MULTI
--   close: the same; moves them back. If open was refused, those commands have written to keys that close drops.
--          Both are this one script, so that where the server does not know it neither runs
--   touch: base; nothing changed

local mode = args.mode
local old_seq, change_bytes = unpack(call('HMGET', meta, 'seq', 'chbytes'))
change_bytes = tonumber(change_bytes) or 0
-- A reader that does not find a change loads the whole map: how much is kept is limited.
local delta_bytes = tonumber(args.delta_bytes) or 0
local drops_changes = mode == 'swap' or change_bytes + delta_bytes > (tonumber(args.max_change_bytes) or 0)

if mode == 'close' then
  if call('HGET', lease, 'open') ~= args.id then
    call('UNLINK', staging, lent_changes)
    return {'refused'}
  end
else
  local refused = refusal()
  if refused then return refused end
  if (mode == 'swap' or mode == 'open') and id == args.id then -- only the reply was lost
    if record then call('UNLINK', staged_record) end
    return {'done'}
  end
  if not is_held() then return {'fenced'} end
  if mode == 'swap' then
    if not is_staging_whole() then return {'staging_lost'} end
  else
    if id ~= args.base or not is_record_whole() then return {'moved'} end
    if not is_hash_whole() then return {'lost'} end
  end
end

if mode == 'open' then
  call('UNLINK', staging, lent_changes)
  call('HSET', lease, 'open', args.id)
  if call('EXISTS', data) == 1 then call('RENAME', data, staging) end
  if not drops_changes and call('EXISTS', changes) == 1 then call('RENAME', changes, lent_changes) end
  return {'open'}
end

if mode == 'touch' then
  call('UNLINK', staging) -- a map that was staged and turned out to be the same
  if record then call('UNLINK', staged_record) end
else
  publish_staging()
end
expire_data()
if mode ~= 'touch' then
  if drops_changes then
    call('UNLINK', changes)
    change_bytes = 0
  end
  if mode == 'close' and call('EXISTS', lent_changes) == 1 then
    call('RENAME', lent_changes, changes)
    change_bytes = change_bytes + delta_bytes
  end
  put_head(math.max(tonumber(old_seq) or 0, tonumber(args.seq_after)) + 1, now, change_bytes)
end
put_check(now)
local failures = read_failures()
local is_changed = false
for definition, failing in pairs(failures) do
  -- A host runs one definition of a cache: what it has run before is over.
  if definition == args.definition or failing.host == args.host then
    failures[definition] = nil
    is_changed = true
  end
end
if is_changed then write_failures(failures) end
call('UNLINK', lease)
if lock then call('DEL', lock) end
expire(meta, ttl)
if mode ~= 'touch' then announce() end
return {'done'}
