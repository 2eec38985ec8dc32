-- Deletes everything of a cache; its record only if a host has written it.
-- args: token (of the lease that is held now, or empty)

local refused = wrong_type({
    [data] = 'hash', [meta] = 'hash', [lease] = 'hash', [log] = 'stream', [staging] = 'hash', [hosts] = 'hash',
  })
  or record and wrong_type({[record] = 'string', [staged_record] = 'string', [lock] = 'string'})
if refused then return refused end
local published = read_meta('version', 'record_bytes', 'record_tail')
local deleted = 0
if record and is_ours(record, published.record_bytes, published.record_tail) then deleted = call('UNLINK', record) end
if published.version and published.version ~= '' then
  deleted = deleted + call('UNLINK', version_key(published.version))
end
deleted = deleted + call('UNLINK', data, meta, lease, log, staging, hosts)
drop_staging()
return {'done', deleted}
