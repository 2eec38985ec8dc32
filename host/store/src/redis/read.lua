-- Runs reading commands in one step, as a MULTI does. For a server whose memory is full: that refuses
-- to queue any command, but not to run a script that only reads.
-- KEYS data | ARGV for each command: the number of its words, the words

local replies, at = {}, 1
while at <= #ARGV do
  local last = at + tonumber(ARGV[at])
  replies[#replies + 1] = call(unpack(ARGV, at + 1, last))
  at = last + 1
end
return replies
