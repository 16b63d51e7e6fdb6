-- refusals.lua: why a hold may be refused. Each check returns nil, or {refusal, facts...}.

local backlog = redis.call('XLEN', LOG)

local function refused_by_sale(sale, organisations)
  if sale.state == 'closed' or sale.state == 'cancelled' or now >= sale.closes_at then return { SALE_CLOSED } end
  if now < sale.opens_at then return { SALE_NOT_OPEN, sale.opens_at } end
  if sale.state == 'paused' then return { SALE_PAUSED } end
  if not sale.eligible then return nil end
  for organisation in string.gmatch(organisations, '[^.]+') do
    if sale.eligible[organisation] then return nil end
  end
  return { NOT_ELIGIBLE }
end

local function over(scope, limit, used, wanted)
  if limit > 0 and used + wanted > limit then return { CARD_LIMIT_EXCEEDED, scope, limit, used } end
end

-- Limits from the narrowest to the widest: quota, event, group.
local function refused_by_limit(sale, ledger, event, items)
  local of_quota, of_event, of_group, wanted = {}, 0, 0, 0
  for _, use in ipairs(ledger[USES]) do
    local used = use[USE_HELD] + use[USE_BOUGHT]
    of_group = of_group + used
    if use[1] == event then
      of_event, of_quota[use[2]] = of_event + used, used
    end
  end
  for i = 1, #items, 2 do
    wanted = wanted + items[i + 1]
    local refusal = over('quota', sale.quotas[items[i]][2], of_quota[items[i]] or 0, items[i + 1])
    if refusal then return refusal end
  end
  return over('event', sale.limit, of_event, wanted) or over('group', group_limit, of_group, wanted)
end

-- What is withheld is kept for the desk, which sells of all that is free.
local function refused_by_stock(event, items, channel)
  local free_for = channel == 'desk' and available_at_desk or available
  for i = 1, #items, 2 do
    local free = free_for(stock.get(stock_field(event, items[i])))
    if free < items[i + 1] then return { SOLD_OUT, items[i], free } end
  end
end

local function refused_by_pace(ledger, channel)
  if channel ~= 'web' then return nil end
  if ledger[LIVE] >= live_holds_max then return { RATE_LIMITED, 1000 } end
  if now < ledger[PAUSED_UNTIL] then return { RATE_LIMITED, ledger[PAUSED_UNTIL] - now } end
end

local function refused_by_catalogue(sale, items)
  if not known_group then return { RECOVERING } end
  if not sale then return { NOT_FOUND } end
  for i = 1, #items, 2 do
    if not sale.quotas[items[i]] then return { NOT_FOUND } end
  end
  if backlog >= backlog_max then return { BACKLOG_FULL } end
end
