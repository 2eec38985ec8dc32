-- Ends a lease after a failed load: nobody may take it during the back-off, and the error is kept
-- in meta. Works when memory is full: the first write needs none, and the rest is then allowed.
-- args: token, backoff_ms, kind, message, keep_ms

local backoff_ms = tonumber(args.backoff_ms)

drop_staging()
if call('HGET', lease, 'token') ~= args.token then return {'fenced'} end
expire(lease, backoff_ms + LEASE_MEMORY)
call('HSET', lease, 'token', '', 'until', now + backoff_ms)

if wrong_type({[meta] = 'hash'}) then return {'done'} end
local is_published = call('HEXISTS', meta, 'id') == 1
call('HSET', meta, 'err_at', now, 'err_kind', args.kind, 'err', args.message)
if not is_published then expire(meta, tonumber(args.keep_ms)) end
return {'done'}
