-- Takes the lease of a cache, if it is due by this clock and nobody else holds it. Where the cache
-- has a record, kiwi-cache's lock is taken with it.
-- KEYS data meta lease changes staging:<token> [record staged_record lock]
-- ARGV token lease_ms due due_ms format layout field...
-- due: 'after' due_ms since the last check, or 'always'. The fields begin with format, id, entries,
-- checked_at; all of them are given back.

local D, M, L, C, S, R, Q, K = unpack(KEYS)
local token, lease_ttl, due, due_ms, layout = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), ARGV[6]

local obstacle = stranger({[D] = 'hash', [M] = 'hash', [L] = 'hash', [C] = 'stream'})
  -- All rights of a refill, now: not after the loader has worked for an hour.
  or forbidden({
    {'HSET', L, 'f', 'v'}, {'PEXPIREAT', L, '1'}, {'UNLINK', L}, {'MULTI'}, {'EXEC'},
    {'HSET', S, 'f', 'v'}, {'HDEL', S, 'f'}, {'PEXPIRE', S, '1'}, {'RENAME', S, D}, {'RENAME', D, S}, {'UNLINK', S},
    {'UNLINK', D}, {'PEXPIREAT', D, '1'}, {'PERSIST', D}, {'EXISTS', D}, {'XADD', C, '*', 'f', 'v'}, {'UNLINK', C},
    {'HSET', M, 'f', 'v'}, {'HDEL', M, 'f'}, {'PTTL', M},
  })
  or R and (stranger({[R] = 'string', [K] = 'string'}) or forbidden({
    {'STRLEN', R}, {'GETRANGE', R, '0', '1'}, {'EXISTS', R}, {'UNLINK', R}, {'RENAME', Q, R}, {'PEXPIREAT', R, '1'},
    {'PERSIST', R}, {'SET', Q, 'v', 'PX', '1'}, {'SETRANGE', Q, '0', 'v'}, {'UNLINK', Q},
    {'GET', K}, {'SET', K, 'v', 'PX', '1'}, {'PEXPIRE', K, '1'}, {'PTTL', K}, {'DEL', K},
  }))
if obstacle then return obstacle end

local held, ends = unpack(call('HMGET', L, 'token', 'until'))
local left = (tonumber(ends) or 0) - now
if held and held ~= token and left > 0 then
  if held ~= '' then return {'busy', left} end
  if due ~= 'always' then return {'backoff', left} end
end
if K then
  local owner = call('GET', K)
  -- Ours when we began, and not any more: somebody may have loaded since.
  local lost = held == token and owner ~= token
  if lost or (owner and owner ~= token) then return {'busy', math.max(call('PTTL', K), 0)} end
end

local fields = call('HMGET', M, unpack(ARGV, 7))
local format, id, entries, checked_at = unpack(fields, 1, 4)
if (tonumber(format) or 0) > tonumber(ARGV[5]) then return {'format', format} end
local before, record, bytes, tail = unpack(call('HMGET', M, 'layout', 'record', 'record_bytes', 'record_tail'))
local there = id and (before or 'hash') == layout and (record or nil) == R
  and (layout == 'record' or call('HLEN', D) == tonumber(entries)) and (not R or call('EXISTS', R) == 1)
if there and due == 'after' then
  local left = (tonumber(checked_at) or 0) + due_ms - now
  -- More than the whole time left: the clock was set back since.
  if left > 0 and left <= due_ms then return {'fresh', left} end
end
-- kiwi-cache may have written its own record over ours: then nothing is known of what is there.
local whole = there and (not R or is_ours(R, bytes, tail))

if K then call('SET', K, token, 'PX', lease_ttl) end
call('HSET', L, 'token', token, 'until', now + lease_ttl)
arm(L, lease_ttl + MEMORY)
return {'go', held or '', whole and fields or false}
