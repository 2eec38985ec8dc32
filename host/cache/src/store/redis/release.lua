-- Gives a lease back with nothing done.
-- KEYS lease staging:<token> | ARGV token

local L, S = KEYS[1], KEYS[2]
call('UNLINK', S)
if call('HGET', L, 'token') == ARGV[1] then call('UNLINK', L) end
return {'done'}
