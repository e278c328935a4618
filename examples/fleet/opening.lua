-- opening.lua - the car park as one finds it: most of the sessions began before we looked.
--
-- Without this a complex of 500 stations would need half a day to look alive. A session that began earlier
-- is told as a station tells it after an hour without network: a StartTransaction with its true time.

local arrivals = require "arrivals"
local saved = require "saved"

local M = {}

local function plug_in(each, past_life_s)
  local world, driver = each.world, each.world.drivers:take()
  if not driver then return nil end
  local hour = world:hour() - past_life_s / 3600
  each.driver, each.car = driver, driver.car
  each.car:arrive(driver.rng, world.speed)
  local left_s = arrivals.stay_s(each.rng, hour) - past_life_s
  each.leaves = world:after(world:life(math.max(left_s, each.rng:real(300, 7200))), function() each:car_goes() end)
  return driver
end

local function charging(each, full)
  local world, past_life_s = each.world, each.rng:real(240, 3 * 3600)
  local driver = plug_in(each, past_life_s)
  if not driver or driver.stranger then return each:wait_for_car() end
  local seconds, car = world:life(past_life_s), each.car
  local phases = math.min(each.station.phases, car.model.phases)
  local soc = car.soc
  local energy_wh = car:charged_for(seconds, each.station.maximum_a, phases)
  while car:full() and not full do -- looked at too late: look earlier
    seconds, car.soc, car.current_a = seconds / 2, soc, 0
    energy_wh = car:charged_for(seconds, each.station.maximum_a, phases)
  end
  if full then car.soc, car.current_a = car.target, 0 end
  each:begin(driver.uid, { started_ms = math.floor(world:wall_ms() - seconds * 1000), energy_wh = energy_wh })
end

local MAKE = {
  free = function(each) each:wait_for_car() end,
  charging = function(each) charging(each, false) end,
  full = function(each) charging(each, true) end,
  preparing = function(each)
    local driver = plug_in(each, 60)
    if not driver then return each:wait_for_car() end
    each.status = "Preparing"
    each.world:after(each.world:life(each.rng:real(60, 600)), function() each:show_key(driver) end)
  end,
  finishing = function(each)
    if not plug_in(each, 3600) then return each:wait_for_car() end
    each.status = "Finishing"
  end,
  faulted = function(each, faults)
    each:break_down(each.rng:pick(faults.ERRORS), each.rng:real(600, 7200))
  end,
  unavailable = function(each)
    each.status, each.inoperative = "Unavailable", true
    each.world:after(each.world:life(each.rng:real(3600, 20000)), function() each:change_availability(true) end)
  end,
}

--- Put every connector of a station into some state. `memory`: of saved.lua; a station that has one has a
--- past already, and no other session may have begun in it.
function M.set(station, faults, empty, calm, memory)
  for _, each in ipairs(station.connectors) do
    local name = empty and "free" or each.rng:weighted(arrivals.mix).name
    if calm and (name == "faulted" or name == "unavailable") then name = "free" end
    if memory and (name == "charging" or name == "full") then name = "free" end
    if not saved.resume(each, memory and memory[tostring(each.id)]) then MAKE[name](each, faults) end
  end
end

return M
