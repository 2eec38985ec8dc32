-- Replaces the version, and the deltas that lead on from it, by a version of the same map. Nothing new is published by
-- that, so it needs no lease.
-- args: version, segments (complete, of the snapshot `id`), instead_of (the version it was made from), id, at (the record of
--   the log that leads to `id`), steps and logged (of the deltas up to there), grace_ms

local refused = wrong_type({[meta] = 'hash', [log] = 'stream', [version] = 'hash'})
if refused then return refused end
local current = read_meta('version', 'steps', 'logged', 'trim')
if current.version == args.version then return {'done'} end -- only the reply was lost
local led_to = call('XRANGE', log, args.at, args.at)[1]
local steps = (tonumber(current.steps) or 0) - tonumber(args.steps)
if current.version ~= args.instead_of or not led_to or led_to[2][4] ~= args.id or steps < 0 then
  call('UNLINK', version)
  return {'moved'}
end
if not is_version_whole(version, args.segments) then return {'staging_lost'} end

expire_with_meta(version)
call('HSET', meta, 'version', args.version, 'segments', args.segments, 'base', args.id, 'steps', steps,
  'logged', tonumber(current.logged) - tonumber(args.logged), 'trim', args.at)
call('HDEL', meta, 'inline')
if current.version ~= '' then redis.pcall('PEXPIRE', version_key(current.version), args.grace_ms) end
-- Readers hold the snapshots of the version before this one: its deltas are kept until the next.
if current.trim then call('XTRIM', log, 'MINID', current.trim) end
return {'done'}
