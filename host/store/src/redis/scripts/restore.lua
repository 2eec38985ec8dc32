-- Publishes what is staged where the data was lost: under its old id, and as old as it is. The lease and the
-- last error stay.
-- args: those of publication.lua; id, seq, loaded_at, checked_at, channel

local refused = refusal()
if refused then return refused end
if not is_held() then return {'fenced'} end
local is_published = is_data_whole(published) and is_record_whole()
if is_published and call('HGET', lease, 'restored') == args.token then return {'done'} end -- only the reply was lost
if not is_staging_whole() then return {'staging_lost'} end
-- Whatever is published by now is better than a copy of what was.
if is_published or (record and call('EXISTS', record) == 1) then return {'moved'} end

publish_whole()
put_head(args.seq, args.loaded_at)
put_check(args.checked_at)
expire(meta, ttl)
call('HSET', lease, 'restored', args.token)
announce()
return {'done'}
