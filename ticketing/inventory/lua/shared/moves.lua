-- moves.lua: the moves of tickets between free, held and sold, on stock and ledger together.

local due_added, due_removed = {}, {}

-- One process has seen a later log than this: nobody who remembers less shall sell on from here.
if behind then redis.call('HSETNX', META, 'fence', 'behind') end

-- The member's use of a quota, and its place in the ledger; a use comes and goes with its tickets.
local function use_of(ledger, event, quota)
  for place, use in ipairs(ledger[USES]) do
    if use[1] == event and use[2] == quota then return use, place end
  end
  table.insert(ledger[USES], { event, quota, 0, 0 })
  return ledger[USES][#ledger[USES]], #ledger[USES]
end

-- Change held and sold of a quota, and the member's share of them, by the same numbers.
local function move(ledger, event, quota, held, sold)
  local field = stock_field(event, quota)
  local counts = stock.get(field)
  local use, place = use_of(ledger, event, quota)
  counts[STOCK_HELD], counts[SOLD] = counts[STOCK_HELD] + held, counts[SOLD] + sold
  use[USE_HELD], use[USE_BOUGHT] = use[USE_HELD] + held, use[USE_BOUGHT] + sold
  if use[USE_HELD] + use[USE_BOUGHT] == 0 then table.remove(ledger[USES], place) end
  stock.put(field, counts)
end

local function forget(ledger, id)
  for i, known in ipairs(ledger[IDS]) do
    if known == id then return table.remove(ledger[IDS], i) end
  end
end

-- A member who keeps letting holds go waits a little before the next one.
local function note_abandoned(ledger)
  ledger[ABANDONED] = ledger[ABANDONED] + 1
  if ledger[ABANDONED] >= abandoned_max then
    ledger[ABANDONED], ledger[PAUSED_UNTIL] = 0, now + pause_ms
  end
end

-- End a live hold, once: its tickets become sold (CONFIRMED) or free (RELEASED, EXPIRED), and the share's again what a
-- desk took of it.
local function finish(id, hold, state)
  local ledger, sold = ledger_of(hold[MEMBER]), state == CONFIRMED
  local of_desk = hold[CHANNEL] == 'desk'
  for i = 1, #hold[ITEMS], 3 do
    local quota, quantity = hold[ITEMS][i], hold[ITEMS][i + 1]
    move(ledger, event_of(id), quota, -quantity, sold and quantity or 0)
    if of_desk and not sold then give_back_to_origin(id, quota, quantity) end
  end
  ledger[LIVE] = ledger[LIVE] - 1
  if sold then ledger[ABANDONED] = 0 else forget(ledger, id); note_abandoned(ledger) end
  hold[STATE] = state
  holds.put(id, hold)
  ledgers.put(hold[MEMBER], ledger)
  due_removed[#due_removed + 1] = id
end

-- Expire at most `limit` holds whose time is past; returns how many.
local function expire_due(limit)
  local ids = redis.call('ZRANGE', DUE, '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)
  if #ids > 0 then holds.prefetch(ids) end
  for _, id in ipairs(ids) do
    local hold = holds.get(id)
    -- An entry without a live hold is a stray; it must not stop the sale of everybody else.
    if hold and hold[STATE] == HELD then finish(id, hold, EXPIRED) else due_removed[#due_removed + 1] = id end
  end
  return #ids
end

-- Write what was decided. A call that only refused writes nothing and costs no disk, unless `something` must be.
local function save(something)
  local changed = something or #log_entries > 0 or #due_removed > 0
  for _, cache in ipairs({ holds, ledgers, stock, sales, acts }) do changed = cache.save() or changed end
  if #due_removed > 0 then redis.call('ZREM', DUE, unpack(due_removed)) end
  if #due_added > 0 then redis.call('ZADD', DUE, unpack(due_added)) end
  if changed then save_group() end
end
