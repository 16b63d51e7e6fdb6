-- trim.lua: drop log entries that SQL has recorded.
--
-- uses     group
-- flags    allow-oom
-- request  the last recorded position
-- results  {OK, entries dropped} or {RECOVERING}
-- writes   log

if not known_group then return reply({ RECOVERING }) end
return reply({ OK, redis.call('XTRIM', LOG, 'MINID', string.format('%d-0', request + 1)) })
