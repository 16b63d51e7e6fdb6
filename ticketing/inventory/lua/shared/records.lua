-- records.lua: holds, ledgers and stock, each read once and written once in a call.
--
-- A verb changes these tables while it decides; `save` writes everything at the end. A script that
-- fails half-way has therefore written nothing.

-- A hold, an array. State: 0 held, 1 confirmed, 2 released, 3 expired. Items: quota, quantity, price, ...
local MEMBER, STATE, CREATED, TTL, ITEMS, CHANNEL, CONFIRMED_AFTER, METHOD, NUMBER, PLACE_IN_LOG, RETURNED =
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
local HELD, CONFIRMED, RELEASED, EXPIRED = 0, 1, 2, 3

-- A member's ledger: live holds, holds let go in a row, pause until, uses {event, quota, held, bought}, hold ids.
local LIVE, ABANDONED, PAUSED_UNTIL, USES, IDS = 1, 2, 3, 4, 5
local USE_HELD, USE_BOUGHT = 3, 4

-- A quota's stock.
local CAPACITY, WITHHELD, STOCK_HELD, SOLD = 1, 2, 3, 4

-- A hash whose fields are read once, changed in memory and written together.
local function cached(key)
  local cache = { key = key, rows = {}, changed = {} }
  function cache.get(field)
    if cache.rows[field] == nil then
      local packed = redis.call('HGET', key, field)
      cache.rows[field] = packed and cmsgpack.unpack(packed)
    end
    return cache.rows[field]
  end
  function cache.prefetch(fields)
    local packed = redis.call('HMGET', key, unpack(fields))
    for i, field in ipairs(fields) do
      if cache.rows[field] == nil then cache.rows[field] = packed[i] and cmsgpack.unpack(packed[i]) end
    end
  end
  -- A row that is false goes.
  function cache.put(field, row)
    cache.rows[field], cache.changed[field] = row, true
  end
  function cache.save()
    local arguments = {}
    for field in pairs(cache.changed) do
      local row = cache.rows[field]
      if row then
        arguments[#arguments + 1] = field
        arguments[#arguments + 1] = cmsgpack.pack(row)
      else
        redis.call('HDEL', key, field)
      end
    end
    if #arguments > 0 then redis.call('HSET', key, unpack(arguments)) end
    return next(cache.changed) ~= nil
  end
  return cache
end

local holds, ledgers, stock = cached(HOLDS), cached(LEDGERS), cached(STOCK)
local sales, acts = cached(SALE), cached(ACTS)

local function ledger_of(member)
  local ledger = ledgers.get(member)
  return ledger or { 0, 0, 0, {}, {} }
end

local function event_of(hold_id) return string.match(hold_id, '^[^.]+') end
local function stock_field(event, quota) return event .. '/' .. quota end

local function available(counts)
  return math.max(0, counts[CAPACITY] - counts[WITHHELD] - counts[STOCK_HELD] - counts[SOLD])
end

local function available_at_desk(counts)
  return math.max(0, counts[CAPACITY] - counts[STOCK_HELD] - counts[SOLD])
end
