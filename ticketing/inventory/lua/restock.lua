-- restock.lua: put tickets that came back (cancelled, not collected, a sale undone) on sale again, each once.
--
-- uses     group records share moves
-- flags    allow-oom
-- request  list of {order id, places as bits: bit i-1 is the ticket at place i, where they go: 'web', 'desk' (into its
--          share) or 'origin' (into the share what the sale took of it, the rest to the web)}
-- results  per request {OK, tickets newly given back} or {NOT_FOUND | RECOVERING}
-- writes   holds (the returned bits), ledgers, stock, log {'restock', order id, places}; for what goes into the desk's
--          share also log {'resize', order id, event, quota, capacity, withheld} and, of 'origin', acts

local function give_back_item(id, ledger, quota, count, to)
  move(ledger, event_of(id), quota, 0, -count)
  if to == 'desk' then keep_for_desk(id, quota, count) end
  if to == 'origin' then give_back_to_origin(id, quota, count) end
end

local function give_back(id, hold, places, to)
  local ledger, place, total = ledger_of(hold[MEMBER]), 0, 0
  for i = 1, #hold[ITEMS], 3 do
    local count = 0
    for _ = 1, hold[ITEMS][i + 1] do
      if bit.band(places, bit.lshift(1, place)) ~= 0 then count = count + 1 end
      place = place + 1
    end
    if count > 0 then give_back_item(id, ledger, hold[ITEMS][i], count, to) end
    total = total + count
  end
  ledgers.put(hold[MEMBER], ledger)
  return total
end

local function decide(id, places, to)
  if not known_group then return { RECOVERING } end
  local hold = holds.get(id)
  if not hold or hold[STATE] ~= CONFIRMED then return { NOT_FOUND } end
  local new = bit.band(places, bit.bnot(hold[RETURNED]))
  if new == 0 then return { OK, 0 } end
  hold[RETURNED] = bit.bor(hold[RETURNED], new)
  holds.put(id, hold)
  append({ 'restock', id, new })
  return { OK, give_back(id, hold, new, to) }
end

local results = {}
for i, wish in ipairs(request) do results[i] = decide(unpack(wish)) end
save()
return reply(results)
