-- arrivals.lua - when people come, how long they stay, and what the car park looks like when one enters it.
--
-- A work-place with some visitors: most come in the morning and stay for the working day. Everything is in
-- "life" seconds: --speed divides them, and the hour of the day runs that much faster too.

local M = {}

-- Arrivals per connector and hour of the day, relative.
local BY_HOUR = {
  [0] = 0.05, 0.03, 0.02, 0.02, 0.04, 0.15, 0.6, 1.6, 2.2, 1.7, 1.0, 0.8, 0.9, 1.0, 0.9, 0.8, 0.8, 0.9, 0.8, 0.6,
  0.4, 0.3, 0.2, 0.1,
}
local PEAK, PER_DAY, SUM = 2.2, 1.6, 0
for hour = 0, 23 do SUM = SUM + BY_HOUR[hour] end

--- Arrivals of one connector per life second at an hour (real number, wraps).
function M.rate(hour) return BY_HOUR[math.floor(hour) % 24] / SUM * PER_DAY / 3600 end

--- Life seconds until the next arrival at a free connector.
---@param rng table
---@param hour number   hour of the day now
---@param flat boolean  every hour like the busiest one
function M.next_s(rng, hour, flat)
  local peak = M.rate(8)
  if flat then return rng:exponential(1 / peak) end
  local at_s = 0
  for _ = 1, 1000 do -- thinning: candidates at the highest rate, kept in proportion
    at_s = at_s + rng:exponential(1 / peak)
    if rng:real() * PEAK < BY_HOUR[math.floor(hour + at_s / 3600) % 24] then break end
  end
  return at_s
end

--- Life seconds that the car stays.
function M.stay_s(rng, hour)
  hour = hour % 24
  if hour >= 6 and hour < 11 and rng:chance(0.7) then return rng:normal(8 * 3600, 5400, 3600, 11 * 3600) end
  return rng:normal(2.5 * 3600, 4000, 900, 6 * 3600)
end

-- What a visitor sees at any moment. `share` of connectors; `offline` is a share of stations.
M.mix = {
  { name = "charging", weight = 0.46 }, { name = "full", weight = 0.08 }, { name = "preparing", weight = 0.03 },
  { name = "finishing", weight = 0.02 }, { name = "faulted", weight = 0.015 },
  { name = "unavailable", weight = 0.015 }, { name = "free", weight = 0.38 },
}
M.OFFLINE = 0.015

return M
