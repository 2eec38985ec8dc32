-- Which commands of a refill or a reader the user may not run.
-- KEYS data staging | ARGV channel

local D, S = KEYS[1], KEYS[2]
local missing = {}
for _, command in ipairs({
  {'MULTI'}, {'EXEC'}, {'EVALSHA', '', '1', D}, {'SCAN', '0'}, {'TYPE', D}, {'EXISTS', D}, {'PTTL', D},
  {'HGET', D, 'f'}, {'HMGET', D, 'f'}, {'HGETALL', D}, {'HLEN', D}, {'HSCAN', D, '0'}, {'HEXISTS', D, 'f'},
  {'HSET', D, 'f', 'v'}, {'HDEL', D, 'f'}, {'PEXPIRE', D, '1'}, {'PEXPIREAT', D, '1'}, {'PERSIST', D},
  {'RENAME', S, D}, {'UNLINK', D}, {'XADD', D, '*', 'f', 'v'}, {'XREVRANGE', D, '+', '-'}, {'PUBLISH', ARGV[1], ''},
  {'SUBSCRIBE', ARGV[1]},
}) do
  if forbidden({command}) then missing[#missing + 1] = command[1] end
end
return missing
