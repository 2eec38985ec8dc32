-- Deletes everything of a cache; its record only if a host has written it.
-- args: token (of the lease that is held now, or empty)

local refused = wrong_type({
    [data] = 'hash', [meta] = 'hash', [lease] = 'hash', [changes] = 'stream', [staging] = 'hash', [hosts] = 'hash',
  })
  or record and wrong_type({[record] = 'string', [staged_record] = 'string', [lock] = 'string'})
if refused then return refused end
local deleted = 0
if record then
  local bytes, tail = unpack(call('HMGET', meta, 'record_bytes', 'record_tail'))
  if is_ours(record, bytes, tail) then deleted = call('UNLINK', record) end
end
deleted = deleted + call('UNLINK', data, meta, lease, changes, staging, hosts)
drop_staging()
return {'done', deleted}
