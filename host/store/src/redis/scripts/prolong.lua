-- Extends the life of what is published, by a host or by kiwi-cache, and never shortens it. Needs no memory.
-- args: ttl_ms

local ttl_ms = tonumber(args.ttl_ms)

local refused = wrong_type({[data] = 'hash', [meta] = 'hash', [changes] = 'stream'})
  or record and wrong_type({[record] = 'string'})
if refused then return refused end
local is_published = call('HEXISTS', meta, 'id') == 1 or (record and call('EXISTS', record) == 1)
if not is_published then return {'missing'} end
for _, key in ipairs({data, meta, changes, record}) do
  local left = call('PTTL', key) -- -2: no such key; -1: kept forever, and so it stays
  if left >= 0 and (ttl_ms == 0 or left < ttl_ms) then expire(key, ttl_ms) end
end
return {'done'}
