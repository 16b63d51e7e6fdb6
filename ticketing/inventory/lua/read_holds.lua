-- read_holds.lua: holds as Redis has them; whoever reads judges by the time in the answer.
--
-- uses     group records
-- flags    no-writes
-- request  list of hold ids
-- results  per id the hold, or false

local results = {}
for i, id in ipairs(request) do results[i] = holds.get(id) end
return reply(results)
