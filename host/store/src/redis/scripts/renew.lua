-- Makes a lease, and what it has staged, expire later.
-- args: token, lease_ms, staging_ms

local lease_ms, staging_ms = tonumber(args.lease_ms), tonumber(args.staging_ms)
if not is_held() then return {'fenced'} end
expire(lease, lease_ms + LEASE_MEMORY) -- first: the HSET is then allowed even when memory is full
call('HSET', lease, 'until', now + lease_ms)
expire(staging, staging_ms)
if not is_version_published() then expire(version, staging_ms) end
if record then
  expire(staged_record, staging_ms)
  expire(lock, lease_ms)
end
return {'done'}
