-- Extends the life of what is published, by a host or by kiwi-cache, and never shortens it. Needs no memory. What
-- another layout has left is not extended.
-- args: ttl_ms

local ttl_ms = tonumber(args.ttl_ms)

local refused = wrong_type({[data] = 'hash', [meta] = 'hash', [log] = 'stream'})
  or record and wrong_type({[record] = 'string'})
if refused then return refused end
local published = read_meta('id', 'version', 'layout', 'record')
local has_record = record and call('EXISTS', record) == 1 and (published.record or record) == record
if not published.id and not has_record then return {'missing'} end
local keys = {meta, log}
if published.version and published.version ~= '' then keys[#keys + 1] = version_key(published.version) end
if (published.layout or 'hash') == 'hash' or published.layout == 'both' then keys[#keys + 1] = data end
if has_record then keys[#keys + 1] = record end
for _, key in ipairs(keys) do
  local left = call('PTTL', key) -- -2: no such key; -1: kept forever, and so it stays
  if left >= 0 and (ttl_ms == 0 or left < ttl_ms) then expire(key, ttl_ms) end
end
return {'done'}
