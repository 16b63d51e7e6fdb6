-- read_ledger.lua: what a member has in this group: uses, and the holds that are live or confirmed.
--
-- uses     group records
-- flags    no-writes
-- request  member
-- results  {uses, list of {hold id, hold}}

local ledger, results = ledger_of(request), {}
for i, id in ipairs(ledger[IDS]) do results[i] = { id, holds.get(id) } end
return reply({ ledger[USES], results })
