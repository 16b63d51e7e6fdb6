-- expire.lua: give back the tickets of holds whose time is past, in bounded batches.
--
-- uses     group records share moves
-- flags    allow-oom
-- request  the most holds to expire in this call
-- results  {OK, how many expired} or {RECOVERING}
-- writes   holds, ledgers, stock, due; acts and log {'resize', hold id, event, quota, capacity, withheld} when a desk's
--          hold gives back what it drew on the desk's share

if not known_group then return reply({ RECOVERING }) end
local expired = expire_due(request)
save()
return reply({ OK, expired })
