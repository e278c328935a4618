-- faults.lua - what goes wrong in a car park: broken connectors and lost links, now and then.
--
-- Rates are per station and life day. A lost link is a real one: the socket is dropped without a word, the
-- session goes on, and what the station had to say waits in its outbox.

local M = {}

M.ERRORS = { "GroundFailure", "HighTemperature", "OverCurrentFailure", "PowerMeterFailure", "ConnectorLockFailure",
             "OverVoltage", "EVCommunicationError" }

local BREAKS_PER_DAY, LOSSES_PER_DAY = 0.06, 0.5

local function next_break(station)
  local world = station.world
  world:after(world:life(station.rng:exponential(86400 / BREAKS_PER_DAY)), function()
    local each = station.rng:pick(station.connectors)
    if not each.inoperative then
      each:break_down(station.rng:pick(M.ERRORS), station.rng:real(120, 2400))
    end
    next_break(station)
  end)
end

local function next_loss(station)
  local world = station.world
  world:after(world:life(station.rng:exponential(86400 / LOSSES_PER_DAY)), function()
    M.lose(station, math.max(3, world:life(station.rng:real(15, 600))))
    next_loss(station)
  end)
end

--- The station's network is gone for `seconds`.
function M.lose(station, seconds)
  if not station.on then return end
  station.link:close(true)
  station:power_on(seconds)
end

function M.begin(station)
  next_break(station)
  next_loss(station)
end

return M
