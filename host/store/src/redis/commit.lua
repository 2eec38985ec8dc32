-- Publishes a snapshot in one step.
-- KEYS data meta lease changes staging:<token> staging:<token>:changes [record staged_record lock]
-- ARGV mode token base id entries bytes ttl_ms mark root channel delta_bytes keep format refill_interval
--      seq layout record_bytes loaded_at checked_at
--
-- swap:    what is staged replaces the data.
-- restore: what is staged is put where the data is lost, as old as it is. The lease stays.
-- open:    lends the data and the changes out under staging names, for the HSETs and HDELs of a delta and
--          the XADD that records it, which follow in the same MULTI;
-- close:   gives them back. If open refused, they have hit throw-away keys, which close unlinks.
--          Both are this one script, so that where the server does not know it neither runs.
-- touch:   nothing changed.

local D, M, L, C, S, T, R, Q, K = unpack(KEYS)
local mode, token, base, id, ttl, layout = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[7]), ARGV[16]
local has_hash, has_new = layout ~= 'record', mode == 'swap' or mode == 'restore'
local old_record, old_bytes, old_tail = unpack(call('HMGET', M, 'record', 'record_bytes', 'record_tail'))
local seq, recorded = unpack(call('HMGET', M, 'seq', 'chbytes'))
recorded = tonumber(recorded) or 0
-- A reader that does not find a change loads the whole map: what is kept is bounded.
local size, starts_anew = tonumber(ARGV[11]), has_new or recorded + tonumber(ARGV[11]) > tonumber(ARGV[12])

if mode == 'close' then
  if call('HGET', L, 'open') ~= id then
    call('UNLINK', S, T)
    return {'refused'}
  end
else
  local obstacle = stranger({[D] = 'hash', [M] = 'hash', [L] = 'hash', [C] = 'stream', [S] = 'hash'})
    or R and stranger({[R] = 'string', [Q] = 'string', [K] = 'string'})
    or forbidden({
      {'UNLINK', D}, {'UNLINK', L}, {'UNLINK', C}, {'UNLINK', S}, {'EXISTS', D}, {'RENAME', S, D}, {'RENAME', D, S},
      {'UNLINK', T}, {'EXISTS', T}, {'RENAME', T, C}, {'RENAME', C, T},
      {'PEXPIREAT', D, '1'}, {'PERSIST', D}, {'HSET', M, 'f', 'v'}, {'HSET', L, 'f', 'v'}, {'HDEL', M, 'f'},
    })
    or R and forbidden({
      {'UNLINK', R}, {'SETRANGE', Q, '0', 'v'}, {'RENAME', Q, R}, {'PEXPIREAT', R, '1'}, {'PERSIST', R},
      {'UNLINK', Q}, {'DEL', K},
    })
  if obstacle then return obstacle end
  local published, entries = unpack(call('HMGET', M, 'id', 'entries'))
  if (mode == 'swap' or mode == 'open') and published == id then -- only the reply was lost
    if Q then call('UNLINK', Q) end
    return {'done'}
  end
  if call('HGET', L, 'token') ~= token or (K and call('GET', K) ~= token) then return {'fenced'} end
  local whole_hash = not has_hash or call('HLEN', D) == tonumber(entries)
  local whole_record = not R or (old_record == R and is_ours(R, old_bytes, old_tail))
  if has_new then
    if has_hash and call('HLEN', S) ~= tonumber(ARGV[5]) then return {'staging_lost'} end
    if R and call('STRLEN', Q) ~= tonumber(ARGV[17]) then return {'staging_lost'} end
    -- Whatever is there by now is better than a copy of what was there.
    if mode == 'restore' and (published and whole_hash and whole_record or R and call('EXISTS', R) == 1) then
      return {'moved'}
    end
  else
    if published ~= base or not whole_record then return {'moved'} end
    if not whole_hash then return {'lost'} end
  end
end

if mode == 'open' then
  call('UNLINK', S, T)
  call('HSET', L, 'open', id)
  if call('EXISTS', D) == 1 then call('RENAME', D, S) end
  if not starts_anew and call('EXISTS', C) == 1 then call('RENAME', C, T) end
  return {'open'}
end

-- What another layout has left goes when its time is over, and not before: somebody may read it still.
local function fade(key)
  if redis.pcall('PTTL', key) == -1 then redis.pcall('PEXPIRE', key, ttl > 0 and ttl or MEMORY) end
end

-- The time of saving, by this clock: kiwi-cache tells by it that a record is a new one.
local tail = string.format('}, "timestamp": %010d.%06d}', clock[1], clock[2])

if mode == 'touch' then
  call('UNLINK', S) -- a map that came whole and turned out to be the same
  if Q then call('UNLINK', Q) end
elseif has_hash then
  call('UNLINK', D) -- not left to RENAME, which frees a big hash while everybody waits
  if call('EXISTS', S) == 1 then call('RENAME', S, D) end -- an empty map has no key
else
  fade(D)
end
if R and has_new then
  call('UNLINK', R)
  call('SETRANGE', Q, tonumber(ARGV[17]) - #tail, tail) -- over an end of the same length
  call('RENAME', Q, R)
end
if old_record and old_record ~= R and is_ours(old_record, old_bytes, old_tail) then fade(old_record) end
if has_hash then arm(D, ttl) end -- before any HSET: what follows a first write is allowed even when memory is full
if R then arm(R, ttl) end
arm(M, ttl)

if mode ~= 'touch' then
  if starts_anew then
    call('UNLINK', C)
    recorded = 0
  end
  if mode == 'close' and call('EXISTS', T) == 1 then
    call('RENAME', T, C)
    recorded = recorded + size
  end
  if mode == 'restore' then seq = ARGV[15] else seq = math.max(tonumber(seq) or 0, tonumber(ARGV[15])) + 1 end
  call('HSET', M, 'format', ARGV[13], 'id', id, 'seq', seq, 'entries', has_hash and call('HLEN', D) or ARGV[5],
    'bytes', ARGV[6], 'root', ARGV[9], 'loaded_at', mode == 'restore' and ARGV[18] or now, 'chbytes', recorded,
    'layout', layout)
  if R then
    call('HSET', M, 'record', R, 'record_bytes', call('STRLEN', R), 'record_tail', tail)
  else
    call('HDEL', M, 'record', 'record_bytes', 'record_tail')
  end
end
arm(C, ttl)
call('HSET', M, 'checked_at', mode == 'restore' and ARGV[19] or now, 'ttl', ttl, 'refill_interval', ARGV[14])
-- The mark has a `=` in front, so that the empty mark is not none.
if ARGV[8] == '' then call('HDEL', M, 'mark') else call('HSET', M, 'mark', ARGV[8]:sub(2)) end
if mode ~= 'restore' then
  call('HDEL', M, 'err_at', 'err_kind', 'err')
  call('UNLINK', L)
  if K then call('DEL', K) end
end
arm(M, ttl)
if mode ~= 'touch' then redis.pcall('PUBLISH', ARGV[10], id) end -- a hint: readers poll as well
return {'done'}
