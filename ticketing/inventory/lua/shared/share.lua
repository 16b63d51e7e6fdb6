-- share.lua: the desk's share of a quota, which the web does not sell.

-- Keep so many of a quota for the desk from now on; the log says so to SQL.
local function withhold(act, event, quota, withheld)
  local field = stock_field(event, quota)
  local counts = stock.get(field)
  counts[WITHHELD] = withheld
  stock.put(field, counts)
  append({ 'resize', act, event, quota, counts[CAPACITY], withheld })
end
