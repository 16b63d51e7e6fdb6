-- read_holds.lua: holds as Redis has them; whoever reads judges by the time in the answer.
--
-- uses     group records
-- flags    no-writes
-- request  list of hold ids
-- results  per id the hold, false, or {RECOVERING}: unknown, and the group is not as the caller expects

local results = {}
for i, id in ipairs(request) do results[i] = holds.get(id) or not known_group and { RECOVERING } end
return reply(results)
