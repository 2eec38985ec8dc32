-- Runs reading commands in one step, as a MULTI does. For a server whose memory is full: that refuses
-- to queue any command, but not to run a script that only reads.
-- args: commands (JSON: the words of each command)

local replies = {}
for i, words in ipairs(cjson.decode(args.commands)) do
  replies[i] = call(unpack(words))
end
return replies
