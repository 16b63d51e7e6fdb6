-- read_group.lua: a group as it is now: epoch, log, rules and counts.
--
-- uses     group records
-- flags    no-writes
-- request  nothing (0)
-- results  {epoch or false, whether it is as the caller expects, entries in the log, limit,
--          list of {event, rules}, list of {event/quota, stock}, next due or 0, what fenced it or false}

local function rows(key)
  local flat, list = redis.call('HGETALL', key), {}
  for i = 1, #flat, 2 do list[#list + 1] = { flat[i], cmsgpack.unpack(flat[i + 1]) } end
  return list
end

local due = redis.call('ZRANGE', DUE, 0, 0, 'WITHSCORES')
return reply({
  epoch, known_group, redis.call('XLEN', LOG), group_limit, rows(SALE), rows(STOCK), tonumber(due[2] or 0),
  fence,
})
