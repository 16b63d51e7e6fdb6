-- hold.lua: take tickets out of quotas for members, for a few minutes. Several quotas in one hold: all or none.
--
-- uses     group records share moves refusals
-- request  list of {hold id, event, member, organisation path, items {quota, quantity, ...} by quota, channel}
-- results  per request {OK | EXISTS, hold} or {refusal, facts...}, checked in the order of codes.py
-- writes   holds, ledgers, stock, due; acts and log {'resize', hold id, event, quota, capacity, withheld} when the desk
--          drew on what was withheld for it, and as in expire.lua; nothing when every request is refused

local DUE_PER_CALL = 64

local function same_items(hold, items)
  if #hold[ITEMS] / 3 ~= #items / 2 then return false end
  for i = 1, #items / 2 do
    if hold[ITEMS][3 * i - 2] ~= items[2 * i - 1] or hold[ITEMS][3 * i - 1] ~= items[2 * i] then return false end
  end
  return true
end

-- The desk takes of its own share first, so that the web has as many as before; what it took is noted for when it goes back.
local function draw_on_share(id, event, items)
  local draws = {}
  for i = 1, #items, 2 do
    local withheld = stock.get(stock_field(event, items[i]))[WITHHELD]
    local drawn = math.min(withheld, items[i + 1])
    if drawn > 0 then
      withhold(id, event, items[i], withheld - drawn)
      draws[#draws + 1], draws[#draws + 2] = items[i], drawn
    end
  end
  if #draws > 0 then acts.put(id, draws) end
end

local function take(sale, ledger, id, event, member, items, channel)
  local priced = {}
  for i = 1, #items, 2 do
    local quota, quantity = items[i], items[i + 1]
    move(ledger, event, quota, quantity, 0)
    priced[#priced + 1], priced[#priced + 2], priced[#priced + 3] = quota, quantity, sale.quotas[quota][1]
  end
  ledger[LIVE] = ledger[LIVE] + 1
  table.insert(ledger[IDS], id)
  ledgers.put(member, ledger)
  local hold = { member, HELD, now, sale.hold_ms, priced, channel }
  holds.put(id, hold)
  due_added[#due_added + 1], due_added[#due_added + 2] = now + sale.hold_ms, id
  return hold
end

local function decide(id, event, member, organisations, items, channel)
  local known = holds.get(id)
  if known then return same_items(known, items) and { EXISTS, known } or { KEY_REUSED } end
  local ledger, sale = ledger_of(member), sales.get(event)
  local refusal = refused_by_pace(ledger, channel) or refused_by_catalogue(sale, items)
    or refused_by_sale(sale, organisations) or refused_by_limit(sale, ledger, event, items)
    or refused_by_stock(event, items, channel)
  if refusal then return refusal end
  if channel == 'desk' then draw_on_share(id, event, items) end
  return { OK, take(sale, ledger, id, event, member, items, channel) }
end

local ids, members, results = {}, {}, {}
for i, wish in ipairs(request) do ids[i], members[i] = wish[1], wish[3] end
if known_group then expire_due(DUE_PER_CALL) end
holds.prefetch(ids)
ledgers.prefetch(members)
for i, wish in ipairs(request) do results[i] = decide(unpack(wish)) end
save()
return reply(results)
