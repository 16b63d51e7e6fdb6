-- group.lua: the group a verb works on: its keys, its epoch, its clock, its log.
--
-- KEYS    meta, sale, stock, holds, ledgers, due, log, acts (see README.md)
-- ARGV[1] msgpack envelope: the epoch and the least log position the caller expects, time in ms (0: Redis
--         TIME), the bounds below, and whether the caller waits for replicas
-- ARGV[2] msgpack request, or list of requests, of the verb

local META, SALE, STOCK, HOLDS, LEDGERS, DUE, LOG, ACTS = unpack(KEYS)
local expected_epoch, position_min, given_now, backlog_max, live_holds_max, abandoned_max, pause_ms, replicated =
  unpack(cmsgpack.unpack(ARGV[1]))
local request = cmsgpack.unpack(ARGV[2])

local epoch, position, highest, group_limit, fence =
  unpack(redis.call('HMGET', META, 'epoch', 'position', 'highest', 'limit', 'fence'))
position, highest, group_limit = tonumber(position or 0), tonumber(highest or 0), tonumber(group_limit or 0)

-- A log that ends before a position somebody has seen was restored from an old copy.
local behind = epoch == expected_epoch and position < position_min

-- A fence stops every verb until a rebuild has made the group anew.
local known_group = epoch == expected_epoch and not behind and not fence

-- A clock that steps back must not revive what has expired: the highest time seen counts.
local time = redis.call('TIME')
local now = given_now > 0 and given_now or time[1] * 1000 + math.floor(time[2] / 1000)
now = math.max(now, highest)

local log_entries = {}

-- Add an entry to the group's log; positions are contiguous, so that a gap is seen.
local function append(entry)
  position = position + 1
  log_entries[#log_entries + 1] = { position, entry }
  return position
end

local function save_group()
  for _, entry in ipairs(log_entries) do
    redis.call('XADD', LOG, string.format('%d-0', entry[1]), 'e', cmsgpack.pack(entry[2]))
  end
  redis.call('HSET', META, 'position', position, 'highest', now)
end

local function reply(results)
  return cmsgpack.pack({ now, position, results })
end
