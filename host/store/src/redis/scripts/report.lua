-- Keeps what a host reports of a cache. Works when memory is full.
-- args: id (of the host), report, keep_ms, max_hosts

local refused = wrong_type({[hosts] = 'hash'})
if refused then return refused end
local keep_ms = tonumber(args.keep_ms)
expire(hosts, keep_ms) -- first: the HSET is then allowed even when memory is full
local before = call('HGET', hosts, args.id)
local since = before and before:match('^%d+ (%d+) ') or now
call('HSET', hosts, args.id, now .. ' ' .. since .. ' ' .. args.report)
expire(hosts, keep_ms)
if before then return {'done'} end

local all, seen, ids = call('HGETALL', hosts), {}, {}
for i = 1, #all, 2 do
  ids[#ids + 1], seen[all[i]] = all[i], tonumber(all[i + 1]:match('^%d+')) or 0
end
table.sort(ids, function(a, b) return seen[a] > seen[b] end)
for place, id in ipairs(ids) do
  if place > tonumber(args.max_hosts) or seen[id] + keep_ms < now then call('HDEL', hosts, id) end
end
return {'done'}
