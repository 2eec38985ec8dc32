-- Prolongs a lease and what it has staged.
-- KEYS lease staging:<token> [staged_record lock] | ARGV token lease_ms staging_ms

local L, S, Q, K = unpack(KEYS)
if call('HGET', L, 'token') ~= ARGV[1] or (K and call('GET', K) ~= ARGV[1]) then return {'fenced'} end
arm(L, tonumber(ARGV[2]) + MEMORY) -- first: the HSET is then allowed even when memory is full
call('HSET', L, 'until', now + tonumber(ARGV[2]))
arm(S, tonumber(ARGV[3]))
if K then
  arm(Q, tonumber(ARGV[3]))
  arm(K, tonumber(ARGV[2]))
end
return {'done'}
