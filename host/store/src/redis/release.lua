-- Gives a lease back with nothing done.
-- KEYS lease staging:<token> [staged_record lock] | ARGV token

local L, S, Q, K = unpack(KEYS)
call('UNLINK', S)
if K then unlock(Q, K, ARGV[1]) end
if call('HGET', L, 'token') == ARGV[1] then call('UNLINK', L) end
return {'done'}
