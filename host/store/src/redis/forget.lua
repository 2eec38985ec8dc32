-- Deletes everything of a cache; of its record only what a host has written.
-- KEYS data meta lease changes staging:<token of the lease> [record staged_record lock]
-- ARGV token of the lease

local D, M, L, C, S, R, Q, K = unpack(KEYS)
local obstacle = stranger({[D] = 'hash', [M] = 'hash', [L] = 'hash', [C] = 'stream', [S] = 'hash'})
  or R and stranger({[R] = 'string', [Q] = 'string', [K] = 'string'})
if obstacle then return obstacle end
local deleted = 0
if R then
  local bytes, tail = unpack(call('HMGET', M, 'record_bytes', 'record_tail'))
  if is_ours(R, bytes, tail) then deleted = call('UNLINK', R) end
  unlock(Q, K, ARGV[1])
end
return {'done', deleted + call('UNLINK', D, M, L, C, S)}
