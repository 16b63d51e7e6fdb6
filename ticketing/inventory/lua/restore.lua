-- restore.lua: put a group that was made anew in the place of the old one, and let the verbs in again.
--
-- KEYS     after the eight of the group: what was made anew of sale, stock, holds and ledgers
-- uses     group records share
-- flags    allow-oom
-- request  {the fence of this rebuild, position the log goes on from, limit (0: none), fields in each new key,
--          list of {id, quota, tickets} of the desk's holds that are void}
-- results  {OK} or {RECOVERING} (another rebuild has begun since, or what was made is no longer whole)
-- writes   meta, sale, stock, holds, ledgers, due, log; acts and log {'resize', hold id, event, quota, capacity, withheld}
--          when a void hold of the desk gives back what it drew on the desk's share

local mine, last_position, limit, sizes, void = unpack(request)

-- A quota that SQL does not know has no stock any more.
local function give_back(id, quota, count)
  if stock.get(stock_field(event_of(id), quota)) then give_back_to_origin(id, quota, count) end
end

local function decide()
  if fence ~= mine then return { RECOVERING } end
  for i, size in ipairs(sizes) do
    if redis.call('HLEN', KEYS[8 + i]) ~= size then return { RECOVERING } end
  end
  redis.call('UNLINK', SALE, STOCK, HOLDS, LEDGERS, DUE, LOG)
  for i, place in ipairs({ SALE, STOCK, HOLDS, LEDGERS }) do
    if sizes[i] > 0 then
      redis.call('RENAME', KEYS[8 + i], place)
      redis.call('PERSIST', place)
    end
  end
  redis.call('HDEL', META, 'fence')
  redis.call('HSET', META, 'epoch', expected_epoch, 'limit', limit)
  position = last_position
  for _, item in ipairs(void) do give_back(unpack(item)) end
  stock.save()
  acts.save()
  save_group()
  return { OK }
end

return reply(decide())
