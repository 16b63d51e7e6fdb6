-- open.lua: make a group known to Redis, with its epoch, its limit and the position its log goes on from.
--
-- uses     group
-- request  {limit per member over the group (0: none), position}
-- results  {OK}, {EXISTS} (open under this epoch) or {RECOVERING} (open under another, or fenced)
-- writes   meta

if epoch or fence then return reply({ known_group and EXISTS or RECOVERING }) end
local limit
limit, position = unpack(request)
redis.call('HSET', META, 'epoch', expected_epoch, 'limit', limit)
save_group()
return reply({ OK })
