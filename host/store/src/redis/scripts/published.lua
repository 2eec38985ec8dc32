-- Precedes begin.lua, commit.lua, restore.lua and repack.lua: whether what meta describes is there.

local PUBLISHED = {
  'format', 'id', 'entries', 'bytes', 'checked_at', 'layout', 'record', 'record_bytes', 'record_tail', 'version',
  'segments', 'inline', 'base', 'steps', 'logged', 'seq', 'view', 'holder', 'relaid_at', 'last_bytes', 'definition',
}

-- Whether a version has all of its segments, and the manifest that was written last. A value of another type is none.
local function is_version_whole(key, segments)
  return call('TYPE', key).ok == 'hash' and call('HLEN', key) == (tonumber(segments) or -2) + 1
end

local MAX_COPIED_BYTES = 65536

-- How many bytes of deltas may lead on from the version of a map: a reader that loads all of it loads them, too.
local function max_log_bytes(map_bytes)
  return math.min(math.max(math.floor(map_bytes / 8), 64 * 1024), 16 * 1024 * 1024)
end

-- Whether the log still leads to what is published.
local function is_log_whole(published)
  local steps = tonumber(published.steps) or 0
  if steps == 0 then return true end
  -- To look at the last delta is to copy it.
  if (tonumber(published.last_bytes) or 0) > MAX_COPIED_BYTES then return call('XLEN', log) >= steps end
  local last = call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
  return last and last[2][4] == published.id and call('XLEN', log) >= steps
end

-- Whether the data is there: its version and its log; in format 1, its hash; or its record.
local function is_data_whole(published)
  if not published.id then return false end
  if published.layout == 'record' then return published.record and redis.pcall('EXISTS', published.record) == 1 end
  if not published.version then return call('HLEN', data) == tonumber(published.entries) end
  if published.version == '' then return published.inline and is_log_whole(published) end
  return is_version_whole(version_key(published.version), published.segments) and is_log_whole(published)
end
