-- Prolongs a lease and what it has staged.
-- KEYS lease staging:<token> | ARGV token lease_ms staging_ms

local L, S = KEYS[1], KEYS[2]
if call('HGET', L, 'token') ~= ARGV[1] then return {'fenced'} end
arm(L, tonumber(ARGV[2]) + MEMORY) -- first: the HSET is then allowed even when memory is full
call('HSET', L, 'until', now + tonumber(ARGV[2]))
arm(S, tonumber(ARGV[3]))
return {'done'}
