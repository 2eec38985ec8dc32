-- Deletes everything of a cache.
-- KEYS data meta lease changes staging:<token of the lease>

local D, M, L, C, S = unpack(KEYS)
local obstacle = stranger({[D] = 'hash', [M] = 'hash', [L] = 'hash', [C] = 'stream', [S] = 'hash'})
if obstacle then return obstacle end
return {'done', call('UNLINK', D, M, L, C, S)}
