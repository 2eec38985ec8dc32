-- Ends a lease after a failed load, and counts the failure in meta: no host of the same definition may take the lease
-- during the back-off. Works when memory is full: the first write needs none, and the rest is then allowed.
-- args: token, definition, host, backoff_ms, kind, message, keep_ms

local MAX_DEFINITIONS, FORGOTTEN_AFTER = 16, 24 * 60 * 60 * 1000

drop_staging()
if call('HGET', lease, 'token') ~= args.token then return {'fenced'} end
call('UNLINK', lease)

if wrong_type({[meta] = 'hash'}) then return {'done'} end
local is_published = call('HEXISTS', meta, 'id') == 1
local failures = read_failures()
local before = failures[args.definition]
failures[args.definition] = {
  times = (before and before.times or 0) + 1, since = before and before.since or now, at = now,
  retry_at = now + tonumber(args.backoff_ms), host = args.host, kind = args.kind, message = args.message,
}
-- A definition that nobody uses any more must not stay for ever.
local kept = {}
for definition, failing in pairs(failures) do
  if math.max(failing.at + FORGOTTEN_AFTER, failing.retry_at) >= now then kept[#kept + 1] = definition else failures[definition] = nil end
end
table.sort(kept, function(a, b) return failures[a].at > failures[b].at end)
for place = MAX_DEFINITIONS + 1, #kept do failures[kept[place]] = nil end
write_failures(failures)
if not is_published then expire(meta, tonumber(args.keep_ms)) end
return {'done'}
