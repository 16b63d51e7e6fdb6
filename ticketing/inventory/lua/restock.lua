-- restock.lua: put tickets that came back (cancelled, not collected) on sale again, each once.
--
-- uses     group records moves
-- flags    allow-oom
-- request  list of {order id, places as bits: bit i-1 is the ticket at place i}
-- results  per request {OK, tickets newly given back} or {NOT_FOUND | RECOVERING}
-- writes   holds (the returned bits), ledgers, stock, log {'restock', order id, places}

local function give_back(id, hold, places)
  local ledger, place, count = ledger_of(hold[MEMBER]), 0, 0
  for i = 1, #hold[ITEMS], 3 do
    for _ = 1, hold[ITEMS][i + 1] do
      if bit.band(places, bit.lshift(1, place)) ~= 0 then
        move(ledger, event_of(id), hold[ITEMS][i], 0, -1)
        count = count + 1
      end
      place = place + 1
    end
  end
  ledgers.put(hold[MEMBER], ledger)
  return count
end

local function decide(id, places)
  if not known_group then return { RECOVERING } end
  local hold = holds.get(id)
  if not hold or hold[STATE] ~= CONFIRMED then return { NOT_FOUND } end
  local new = bit.band(places, bit.bnot(hold[RETURNED]))
  if new == 0 then return { OK, 0 } end
  hold[RETURNED] = bit.bor(hold[RETURNED], new)
  holds.put(id, hold)
  append({ 'restock', id, new })
  return { OK, give_back(id, hold, new) }
end

local results = {}
for i, wish in ipairs(request) do results[i] = decide(unpack(wish)) end
save()
return reply(results)
