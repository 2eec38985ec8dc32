-- Brings the plain hash to what is published. Nothing new is published by that, so it needs no lease: meta's field
-- `view` says which snapshot the hash shows, `a>b` while it is on the way from one to another, and each step checks it.
-- args: mode, id (the snapshot that the hash is to show), at (the record of the log that leads to it, empty for what is
--   published), and
--   swap:  from, entries; the staged entries replace the hash
--   open:  from, to (the views before and after); lends the hash out under the staging name, for the HSETs and HDELs of
--          one step, which follow in the same MULTI
--   close: to, entries (at the last step); moves it back. If open was refused, those commands have written to a key
--          that close drops

local mode = args.mode
if mode == 'close' then
  if call('HGET', meta, 'showing') ~= args.to then
    call('UNLINK', staging)
    return {'moved'}
  end
  call('HDEL', meta, 'showing')
else
  local refused = wrong_type({[data] = 'hash', [meta] = 'hash', [log] = 'stream', [staging] = 'hash'})
  if refused then return refused end
  local current = read_meta('id', 'view', 'layout')
  local is_on_the_way = current.id == args.id
  if not is_on_the_way and args.at ~= '' then
    local led_to = call('XRANGE', log, args.at, args.at)[1]
    is_on_the_way = led_to and led_to[2][4] == args.id
  end
  call('HDEL', meta, 'showing')
  if not is_on_the_way or (current.layout ~= 'hash' and current.layout ~= 'both')
    or (current.view or '') ~= args.from then
    call('UNLINK', staging)
    return {'moved'}
  end
  if mode == 'swap' and call('HLEN', staging) ~= tonumber(args.entries) then
    call('UNLINK', staging)
    return {'staging_lost'}
  end
end

if mode == 'open' then
  call('UNLINK', staging)
  if call('EXISTS', data) == 1 then call('RENAME', data, staging) end
  call('HSET', meta, 'showing', args.to)
  return {'open'}
end

local to = args.to or args.id
-- Somebody else has written to the hash: it shows nothing that can be named.
if args.entries and call('HLEN', staging) ~= tonumber(args.entries) then to = '' end
call('UNLINK', data)
if call('EXISTS', staging) == 1 then call('RENAME', staging, data) end
expire_with_meta(data)
call('HSET', meta, 'view', to)
return {'done'}
