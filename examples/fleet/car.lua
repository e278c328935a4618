-- car.lua - how much current a car takes: battery, taper, ramp, phases.
--
-- A car never takes more than it is offered, nothing below 6 A (IEC 61851), follows a new limit downward
-- within about a second and upward slowly, takes less and less as its battery fills, and stops by itself
-- at its target. It knows no OCPP and no station.
--
-- `haste` makes the battery that much smaller: with --speed 10 a session takes a tenth of the time and a
-- tenth of the energy, and power times time is still energy.

local M = {}
M.__index = M

M.MINIMUM_A = 6
local EFFICIENCY = 0.92 -- of the charger in the car
local UP_A_PER_S, DOWN_A_PER_S = 2.5, 12

M.models = {
  { name = "city", capacity_wh = 40000, phases = 1, max_a = 32, taper_from = 0.90, weight = 3 },
  { name = "compact", capacity_wh = 52000, phases = 3, max_a = 32, taper_from = 0.82, weight = 3 },
  { name = "family", capacity_wh = 58000, phases = 3, max_a = 16, taper_from = 0.93, weight = 5 },
  { name = "estate", capacity_wh = 77000, phases = 3, max_a = 16, taper_from = 0.94, weight = 5 },
  { name = "saloon", capacity_wh = 75000, phases = 3, max_a = 16, taper_from = 0.95, weight = 4 },
  { name = "van", capacity_wh = 68000, phases = 3, max_a = 16, taper_from = 0.90, weight = 2 },
  { name = "crossover", capacity_wh = 64000, phases = 3, max_a = 16, taper_from = 0.91, weight = 3 },
  { name = "hybrid", capacity_wh = 13000, phases = 1, max_a = 16, taper_from = 0.90, weight = 4 },
  { name = "premium", capacity_wh = 95000, phases = 3, max_a = 32, taper_from = 0.85, weight = 1 },
}

--- A car of some model.
---@param rng table  rng.lua
function M.new(rng)
  return setmetatable({ model = rng:weighted(M.models), soc = 0.5, target = 1, current_a = 0, haste = 1 }, M)
end

--- It comes to a station: how full it is and how full it wants to be.
function M:arrive(rng, haste)
  self.soc = rng:normal(0.42, 0.17, 0.06, 0.85)
  self.target = rng:chance(0.55) and 1 or rng:real(0.8, 0.95)
  if self.target < self.soc + 0.05 then self.target = 1 end
  self.current_a, self.haste = 0, haste
end

--- It is a car of this model and charge (saved.lua).
function M:become(name, soc, target, haste)
  for _, model in ipairs(M.models) do
    if model.name == name then self.model = model end
  end
  self.soc, self.target, self.haste, self.current_a = soc, target, haste, 0
end

function M:full() return self.soc >= self.target end

--- Current that the battery would take now, whatever is offered.
function M:wanted_a()
  if self:full() then return 0 end
  local model = self.model
  if self.soc < model.taper_from then return model.max_a end
  local left = (1 - self.soc) / (1 - model.taper_from)
  return math.max(M.MINIMUM_A, model.max_a * left)
end

--- Let `seconds` pass with `offered_a` on a station of `phases`. Returns the current per used phase, the
--- number of used phases, the power and the energy of these seconds.
---@return number current_a, integer phases, number power_w, number energy_wh
function M:step(seconds, offered_a, phases, voltage_v)
  local used = math.min(phases, self.model.phases)
  local goal = math.min(self:wanted_a(), offered_a)
  if goal < M.MINIMUM_A then goal = 0 end
  local current = self.current_a
  if goal > current then
    current = math.min(goal, math.max(current, M.MINIMUM_A) + UP_A_PER_S * seconds)
  else
    current = math.max(goal, current - DOWN_A_PER_S * seconds)
    if current < M.MINIMUM_A then current = goal end
  end
  self.current_a = current
  local power_w = current * voltage_v * used * 0.995
  local energy_wh = power_w * seconds / 3600
  self.soc = math.min(self.target, self.soc + energy_wh * EFFICIENCY * self.haste / self.model.capacity_wh)
  return current, used, power_w, energy_wh
end

--- Rewind: as if it had already charged for `seconds` with `offered_a`. Returns the energy of that time.
function M:charged_for(seconds, offered_a, phases)
  local energy_wh, step = 0, seconds / 60
  for _ = 1, 60 do
    local _, _, _, part_wh = self:step(step, offered_a, phases, 230)
    energy_wh = energy_wh + part_wh
  end
  return energy_wh
end

return M
