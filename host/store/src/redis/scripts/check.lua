-- Which commands of a host or a reader the user may not run.
-- args: channel

local missing = {}
for _, command in ipairs({
  {'MULTI'}, {'EXEC'}, {'EVALSHA', '', '1', data}, {'SCAN', '0'}, {'TYPE', data}, {'EXISTS', data}, {'PTTL', data},
  {'HGET', data, 'f'}, {'HMGET', data, 'f'}, {'HGETALL', data}, {'HLEN', data}, {'HSCAN', data, '0'},
  {'HEXISTS', data, 'f'}, {'HSET', data, 'f', 'v'}, {'HDEL', data, 'f'}, {'PEXPIRE', data, '1'},
  {'PEXPIREAT', data, '1'}, {'PERSIST', data}, {'RENAME', staging, data}, {'UNLINK', data},
  {'XADD', data, '*', 'f', 'v'}, {'XREVRANGE', data, '+', '-'}, {'XRANGE', data, '-', '+'},
  {'XLEN', data}, {'XTRIM', data, 'MINID', '1'}, {'PUBLISH', args.channel, ''},
  {'SUBSCRIBE', args.channel},
}) do
  if forbidden({command}) then missing[#missing + 1] = command[1] end
end
return missing
