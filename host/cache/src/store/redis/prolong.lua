-- Extends the life of what is published, and never shortens it. Needs no memory.
-- KEYS data meta changes | ARGV id ttl_ms

local D, M, C = unpack(KEYS)
local id, ttl = ARGV[1], tonumber(ARGV[2])

local obstacle = stranger({[D] = 'hash', [M] = 'hash', [C] = 'stream'})
if obstacle then return obstacle end
if call('HGET', M, 'id') ~= id then return {'moved'} end
for _, key in ipairs(KEYS) do
  local left = call('PTTL', key) -- -2: no such key; -1: kept for ever, and so it stays
  if left >= 0 and (ttl == 0 or left < ttl) then arm(key, ttl) end
end
return {'done'}
