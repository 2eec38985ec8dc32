-- Takes the lease of a cache, if it is due by this clock and nobody else holds it.
-- KEYS data meta lease changes staging:<token>
-- ARGV token lease_ms due due_ms format field...
-- due: 'after' due_ms since the last check, or 'always'. The fields begin with format, id, entries,
-- checked_at; all of them are given back.

local D, M, L, C, S = unpack(KEYS)
local token, lease_ttl, due, due_ms = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])

local obstacle = stranger({[D] = 'hash', [M] = 'hash', [L] = 'hash', [C] = 'stream'})
  -- All rights of a refill, now: not after the loader has worked for an hour.
  or forbidden({
    {'HSET', L, 'f', 'v'}, {'PEXPIREAT', L, '1'}, {'UNLINK', L}, {'MULTI'}, {'EXEC'},
    {'HSET', S, 'f', 'v'}, {'HDEL', S, 'f'}, {'PEXPIRE', S, '1'}, {'RENAME', S, D}, {'RENAME', D, S}, {'UNLINK', S},
    {'UNLINK', D}, {'PEXPIREAT', D, '1'}, {'PERSIST', D}, {'EXISTS', D}, {'XADD', C, '*', 'f', 'v'}, {'UNLINK', C},
    {'HSET', M, 'f', 'v'}, {'HDEL', M, 'f'}, {'PTTL', M},
  })
if obstacle then return obstacle end

local held, ends = unpack(call('HMGET', L, 'token', 'until'))
local left = (tonumber(ends) or 0) - now
if held and held ~= token and left > 0 then
  if held ~= '' then return {'busy', left} end
  if due ~= 'always' then return {'backoff', left} end
end

local fields = call('HMGET', M, unpack(ARGV, 6))
local format, id, entries, checked_at = unpack(fields, 1, 4)
if (tonumber(format) or 0) > tonumber(ARGV[5]) then return {'format', format} end
local whole = id and call('HLEN', D) == tonumber(entries)
if whole and due == 'after' then
  local left = (tonumber(checked_at) or 0) + due_ms - now
  -- More than the whole time left: the clock was set back since.
  if left > 0 and left <= due_ms then return {'fresh', left} end
end

call('HSET', L, 'token', token, 'until', now + lease_ttl)
arm(L, lease_ttl + MEMORY)
return {'go', held or '', whole and fields or false}
