-- confirm.lua: turn live holds into sold tickets and append the orders to the log, in one step.
--
-- uses     group records share moves
-- flags    allow-oom
-- request  list of {hold id, member, payment method, order number}
-- results  per request {OK | EXISTS, hold} or {NOT_FOUND | RECOVERING | HOLD_RELEASED | HOLD_EXPIRED | PAYMENT_REQUIRED}
-- writes   holds, ledgers, stock, due, log {'order', hold id, hold}

local function amount_of(hold)
  local amount = 0
  for i = 1, #hold[ITEMS], 3 do amount = amount + hold[ITEMS][i + 1] * hold[ITEMS][i + 2] end
  return amount
end

-- The desk takes cash and cards for every event; the web only what the event takes.
local function takes(event, hold, method)
  if method == 'free' then return amount_of(hold) == 0 end
  return hold[CHANNEL] == 'desk' or sales.get(event).methods[method]
end

local function decide(id, member, method, number)
  local hold = holds.get(id)
  if not hold or hold[MEMBER] ~= member then return { known_group and NOT_FOUND or RECOVERING } end
  if hold[STATE] == CONFIRMED then return { EXISTS, hold } end
  if not known_group then return { RECOVERING } end
  if hold[STATE] == RELEASED then return { HOLD_RELEASED } end
  if hold[STATE] == EXPIRED or hold[CREATED] + hold[TTL] <= now then return { HOLD_EXPIRED } end
  if not takes(event_of(id), hold, method) then return { PAYMENT_REQUIRED } end
  hold[CONFIRMED_AFTER], hold[METHOD], hold[NUMBER] = now - hold[CREATED], method, number
  hold[PLACE_IN_LOG] = append({ 'order', id, hold })
  hold[RETURNED] = 0
  finish(id, hold, CONFIRMED)
  return { OK, hold }
end

local ids, results, replayed = {}, {}, false
for i, wish in ipairs(request) do ids[i] = wish[1] end
holds.prefetch(ids)
for i, wish in ipairs(request) do
  results[i] = decide(unpack(wish))
  replayed = replayed or results[i][1] == EXISTS
end
-- WAIT is about the connection's own last write: without one, a dead replica counts as having it.
save(replicated and replayed)
return reply(results)
