-- configure.lua: apply staff's wishes for an event (window, limits, who may buy, paused, closed), by version.
--
-- uses     group records share moves
-- request  {event, rules (map with its version), stock {capacity, withheld} of each quota by number}
-- results  {OK}, {EXISTS} (this version or a later one is there) or {RECOVERING}
-- writes   sale, stock of quotas new to it, log {'configure', event, version, state}

local event, rules, quotas = unpack(request)

local function decide()
  if not known_group then return { RECOVERING } end
  local before = sales.get(event)
  if before and before.version >= rules.version then return { EXISTS } end
  for quota, counts in ipairs(quotas) do
    local field = stock_field(event, quota)
    if not stock.get(field) then stock.put(field, { counts[1], counts[2], 0, 0 }) end
  end
  sales.put(event, rules)
  append({ 'configure', event, rules.version, rules.state })
  return { OK }
end

local result = decide()
save()
return reply(result)
