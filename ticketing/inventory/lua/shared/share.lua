-- share.lua: the desk's share of a quota, which the web does not sell.

-- Keep so many of a quota for the desk from now on; the log says so to SQL.
local function withhold(act, event, quota, withheld)
  local field = stock_field(event, quota)
  local counts = stock.get(field)
  counts[WITHHELD] = withheld
  stock.put(field, counts)
  append({ 'resize', act, event, quota, counts[CAPACITY], withheld })
end

-- Of `count` tickets that came back from a hold or a sale. A quota that was made smaller than what is sold has nothing to
-- keep until it fits again.
local function keep_for_desk(id, quota, count)
  local counts = stock.get(stock_field(event_of(id), quota))
  local withheld = math.min(counts[WITHHELD] + count, available_at_desk(counts))
  if withheld > counts[WITHHELD] then withhold(id, event_of(id), quota, withheld) end
end

-- As many of `count` tickets as this hold took of the desk's share and has not given back; when nothing is left of what
-- it took, nothing is noted any more.
local function drawn_by(id, quota, count)
  local draws = acts.get(id) or {}
  for i = 1, #draws, 2 do
    if draws[i] == quota then
      local back = math.min(draws[i + 1], count)
      draws[i + 1] = draws[i + 1] - back
      if draws[i + 1] == 0 then table.remove(draws, i); table.remove(draws, i) end
      acts.put(id, #draws > 0 and draws)
      return back
    end
  end
  return 0
end

-- Tickets of a hold that go back to where they came from: into the desk's share what was taken of it, the rest to the web.
local function give_back_to_origin(id, quota, count)
  keep_for_desk(id, quota, drawn_by(id, quota, count))
end
