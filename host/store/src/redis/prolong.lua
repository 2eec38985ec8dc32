-- Extends the life of what is published, whoever wrote it, and never shortens it. Needs no memory.
-- KEYS data meta changes [record] | ARGV ttl_ms

local D, M, C, R = unpack(KEYS)
local ttl = tonumber(ARGV[1])

local obstacle = stranger({[D] = 'hash', [M] = 'hash', [C] = 'stream'}) or R and stranger({[R] = 'string'})
if obstacle then return obstacle end
local published = call('HEXISTS', M, 'id') == 1 or (R and call('EXISTS', R) == 1)
if not published then return {'missing'} end
for _, key in ipairs(KEYS) do
  local left = call('PTTL', key) -- -2: no such key; -1: kept for ever, and so it stays
  if left >= 0 and (ttl == 0 or left < ttl) then arm(key, ttl) end
end
return {'done'}
