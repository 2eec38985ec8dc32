-- Publishes a snapshot in one step.
-- KEYS data meta lease changes staging:<token>
-- ARGV mode token base id entries bytes ttl_ms mark root channel delta keep format refill_interval
--
-- swap:  what is staged replaces the data.
-- open:  lends the data out under the staging name, for the HSETs and HDELs of a delta that follow
--        in the same MULTI;
-- close: gives it back. If open refused, they have hit a throw-away key, which close unlinks.
--        Both are this one script, so that where the server does not know it neither runs.
-- touch: nothing changed.

local D, M, L, C, S = unpack(KEYS)
local mode, token, base, id, ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[7])

if mode == 'close' then
  if call('HGET', L, 'open') ~= id then
    call('UNLINK', S)
    return {'refused'}
  end
else
  local obstacle = stranger({[D] = 'hash', [M] = 'hash', [L] = 'hash', [C] = 'stream', [S] = 'hash'})
    or forbidden({
      {'UNLINK', D}, {'UNLINK', L}, {'UNLINK', C}, {'UNLINK', S}, {'EXISTS', D}, {'RENAME', S, D}, {'RENAME', D, S},
      {'PEXPIREAT', D, '1'}, {'PERSIST', D}, {'HSET', M, 'f', 'v'}, {'HSET', L, 'f', 'v'}, {'HDEL', M, 'f'},
    })
  if obstacle then return obstacle end
  local published, entries = unpack(call('HMGET', M, 'id', 'entries'))
  if mode ~= 'touch' and published == id then return {'done'} end -- only the reply was lost
  if call('HGET', L, 'token') ~= token then return {'fenced'} end
  if mode == 'swap' then
    if call('HLEN', S) ~= tonumber(ARGV[5]) then return {'staging_lost'} end
  else
    if published ~= base then return {'moved'} end
    if call('HLEN', D) ~= tonumber(entries) then return {'lost'} end
  end
end

if mode == 'open' then
  call('UNLINK', S)
  call('HSET', L, 'open', id)
  if call('EXISTS', D) == 1 then call('RENAME', D, S) end
  return {'open'}
end

if mode ~= 'touch' then
  call('UNLINK', D) -- not left to RENAME, which frees a big hash while everybody waits
  if call('EXISTS', S) == 1 then call('RENAME', S, D) end -- an empty map has no key
end
if mode == 'touch' then call('UNLINK', S) end -- a map that came whole and turned out to be the same
arm(D, ttl) -- before any HSET: what follows a first write is allowed even when memory is full
arm(M, ttl)

if mode ~= 'touch' then
  local seq, recorded = unpack(call('HMGET', M, 'seq', 'chbytes'))
  local size, keep = #ARGV[11], tonumber(ARGV[12])
  recorded = tonumber(recorded) or 0
  if mode == 'swap' or recorded + size > keep then
    call('UNLINK', C)
    recorded = 0
  end
  -- A reader that does not find a change here loads the whole map, so a failure costs no more.
  if mode == 'close' and size <= keep then
    local recording = redis.pcall('XADD', C, '*', 'from', base, 'to', id, 'delta', ARGV[11])
    if type(recording) == 'string' then recorded = recorded + size end
  end
  call('HSET', M, 'format', ARGV[13], 'id', id, 'seq', (tonumber(seq) or 0) + 1, 'entries', call('HLEN', D),
    'bytes', ARGV[6], 'root', ARGV[9], 'loaded_at', now, 'chbytes', recorded)
end
arm(C, ttl)
call('HSET', M, 'checked_at', now, 'ttl', ttl, 'refill_interval', ARGV[14])
call('HDEL', M, 'err_at', 'err_kind', 'err')
-- The mark has a `=` in front, so that the empty mark is not none.
if ARGV[8] == '' then call('HDEL', M, 'mark') else call('HSET', M, 'mark', ARGV[8]:sub(2)) end
arm(M, ttl)
call('UNLINK', L)
if mode ~= 'touch' then redis.pcall('PUBLISH', ARGV[10], id) end -- a hint: readers poll as well
return {'done'}
