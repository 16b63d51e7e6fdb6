-- release.lua: give the tickets of live holds back because the member let them go.
--
-- uses     group records share moves
-- flags    allow-oom
-- request  list of {hold id, member}
-- results  per request {OK}, {EXISTS} (released or expired before) or {NOT_FOUND | RECOVERING | HOLD_CONFIRMED}
-- writes   holds, ledgers, stock, due; acts and log as in expire.lua when it was a desk's

local function decide(id, member)
  local hold = holds.get(id)
  if not hold or hold[MEMBER] ~= member then return { known_group and NOT_FOUND or RECOVERING } end
  if hold[STATE] == CONFIRMED then return { HOLD_CONFIRMED } end
  if hold[STATE] ~= HELD then return { EXISTS } end
  if not known_group then return { RECOVERING } end
  finish(id, hold, hold[CREATED] + hold[TTL] <= now and EXPIRED or RELEASED)
  return { OK }
end

local results = {}
for i, wish in ipairs(request) do results[i] = decide(unpack(wish)) end
save()
return reply(results)
