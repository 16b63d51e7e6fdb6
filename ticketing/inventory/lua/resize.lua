-- resize.lua: change how many tickets a quota has, up or down, also in mid-sale.
--
-- uses     group records share moves
-- request  {act id, event, quota, capacity or false, withheld or false, force, more}; false: as it is, and `more`
--          tickets on top of it: a wave that is released, whatever else has changed the quota since it was planned
-- results  {OK | EXISTS, stock} or {RECOVERING | NOT_FOUND | INVALID | CAPACITY_IN_USE, held + sold}
-- writes   stock, acts, log {'resize', act id, event, quota, capacity, withheld}, both as they are now

local act, event, quota, capacity, withheld, force, more = unpack(request)

local function decide()
  local before = acts.get(act)
  if before then return { EXISTS, before } end
  if not known_group then return { RECOVERING } end
  local field = stock_field(event, quota)
  local counts = stock.get(field)
  if not counts then return { NOT_FOUND } end
  local new_capacity, new_withheld = (capacity or counts[CAPACITY]) + more, withheld or counts[WITHHELD]
  if new_withheld > new_capacity then return { INVALID } end -- somebody else may just have changed the other
  local in_use = counts[STOCK_HELD] + counts[SOLD]
  if capacity and capacity < in_use and not force then return { CAPACITY_IN_USE, in_use } end
  counts[CAPACITY], counts[WITHHELD] = new_capacity, new_withheld
  stock.put(field, counts)
  append({ 'resize', act, event, quota, counts[CAPACITY], counts[WITHHELD] })
  acts.put(act, counts)
  return { OK, counts }
end

local result = decide()
save()
return reply(result)
