-- Publishes a snapshot in one step, and ends the lease. What it costs does not depend on the map, except for the
-- bytes of a small map or of a delta.
-- args: those of publication.lua; definition, mode, and
--   whole: id, seq_after, channel
--   delta: id, seq_after, channel, base, delta, push_bytes: the longest delta that is announced; the hash follows later
--   touch: base; nothing changed

local mode = args.mode
local refused = refusal()
if refused then return refused end
if mode ~= 'touch' and published.id == args.id then -- only the reply was lost
  if record then call('UNLINK', staged_record) end
  expire_published(published.version) -- what was sent again has given it the life of something staged
  return {'done', has_hash and published.view ~= args.id and 'behind' or ''}
end
if not is_held() then return {'fenced'} end
local logged = tonumber(published.logged) or 0
-- By the larger of the two maps, so that a host knows before it loads what will be taken.
local max_log_bytes = max_log_bytes(math.max(tonumber(published.bytes) or 0, tonumber(args.bytes) or 0))
if mode == 'whole' then
  if not is_staging_whole() then return {'staging_lost'} end
else
  if published.id ~= args.base or not is_record_whole() then return {'moved'} end
  if not is_data_whole(published) then return {'lost'} end
  if mode == 'delta' and logged + #args.delta > max_log_bytes then return {'full'} end
end

if mode == 'whole' then
  publish_whole()
elseif mode == 'delta' then
  expire_published(published.version)
  call('XADD', log, '*', 'from', args.base, 'to', args.id, 'delta', args.delta)
  expire(log, ttl)
  call('HSET', meta, 'steps', (tonumber(published.steps) or 0) + 1, 'logged', logged + #args.delta,
    'last_bytes', #args.delta)
else
  drop_staging() -- a map that was staged and turned out to be the same
  expire_published(published.version)
end
if mode ~= 'touch' then
  put_head(math.max(tonumber(published.seq) or 0, tonumber(args.seq_after)) + 1, now)
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
local message
if mode == 'delta' and args.push and #args.delta <= tonumber(args.push_bytes) then
  local fields = {}
  for field in string.gmatch(args.push, '%S+') do fields[#fields + 1] = field end
  message = cjson.encode({from = args.base, head = call('HMGET', meta, unpack(fields))}) .. '\n' .. args.delta
end
if mode ~= 'touch' then announce(message) end
local id, view = unpack(call('HMGET', meta, 'id', 'view'))
local is_log_long = mode == 'delta' and logged + #args.delta > max_log_bytes / 2
return {'done', has_hash and view ~= id and 'behind' or '', is_log_long and 'long' or ''}
