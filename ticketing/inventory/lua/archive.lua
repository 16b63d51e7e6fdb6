-- archive.lua: let go of a group that is over, if SQL has recorded all of its log and no hold is live.
--
-- uses     group
-- flags    allow-oom
-- request  the position that SQL has recorded
-- results  {OK, whether it was let go: 1 or 0} or {RECOVERING}
-- writes   every key of the group

if not known_group then return reply({ RECOVERING }) end
if position ~= request or redis.call('XLEN', LOG) > 0 or redis.call('ZCARD', DUE) > 0 then
  return reply({ OK, 0 })
end
redis.call('UNLINK', META, SALE, STOCK, HOLDS, LEDGERS, DUE, LOG, ACTS)
return reply({ OK, 1 })
