-- Gives a lease back after a failed load: nobody may take it for the backoff, and the error is kept
-- in meta. Works when memory is full: the first write needs none, and the rest is then allowed.
-- KEYS meta lease staging:<token> [staged_record lock] | ARGV token backoff_ms kind message keep_ms

local M, L, S, Q, K = unpack(KEYS)
local token, backoff, kind, message, keep = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], tonumber(ARGV[5])

call('UNLINK', S)
if K then unlock(Q, K, token) end
if call('HGET', L, 'token') ~= token then return {'fenced'} end
arm(L, backoff + MEMORY)
call('HSET', L, 'token', '', 'until', now + backoff)

if stranger({[M] = 'hash'}) then return {'done'} end
local published = call('HEXISTS', M, 'id') == 1
call('HSET', M, 'err_at', now, 'err_kind', kind, 'err', message)
if not published then arm(M, keep) end
return {'done'}
