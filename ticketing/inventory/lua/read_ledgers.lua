-- read_ledgers.lua: what members have in this group: uses, and the holds that are live or confirmed.
--
-- uses     group records
-- flags    no-writes
-- request  list of members
-- results  per member {uses, list of {hold id, hold}}

local results = {}
for i, member in ipairs(request) do
  local ledger, mine = ledger_of(member), {}
  for n, id in ipairs(ledger[IDS]) do mine[n] = { id, holds.get(id) } end
  results[i] = { ledger[USES], mine }
end
return reply(results)
