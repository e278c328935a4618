-- connector.lua - one connector: a car comes, a key is shown, current flows, the car goes.
--
-- A small state machine in the words of OCPP 1.6. It owns the meter register and the transaction; it knows
-- drivers and cars, but no frames: what it has to say goes to its station (status, authorize, outbox).

local agenda = require "agenda"
local arrivals = require "arrivals"
local car_module = require "car"
local meter = require "meter"
local rng = require "rng"

local M = {}
M.__index = M

local PLUG_TO_KEY_S = { 8, 45 }    -- from the plug to the key
local REFUSED_LEAVES_S = { 15, 60 }

--- @param station table  station.lua
--- @param id integer
function M.new(station, id, register_wh)
  local own = rng.new(station.world.seed, station.id, "connector", id)
  return setmetatable({
    station = station, world = station.world, id = id, rng = own, status = "Available", error = "NoError",
    register_wh = register_wh or own:integer(200000, 40000000), current_a = 0, used = 0, power_w = 0,
    voltage_v = 230 + own:normal(0, 2), offered_a = 0, sent_status = nil,
  }, M)
end

local function later(self, range, action)
  local seconds = type(range) == "table" and self.rng:real(range[1], range[2]) or range
  return self.world:after(self.world:life(seconds), action)
end

--- The status as it should be told; tells it when it changed.
function M:become(status, error_code)
  self.status, self.error = status, error_code or "NoError"
  self.station:tell_status(self)
end

--- Nobody is here: when does the next car come?
function M:wait_for_car()
  agenda.cancel(self.next_car)
  local wait_s = arrivals.next_s(self.rng, self.world:hour(), self.world.flat)
  self.next_car = later(self, wait_s, function() self:car_comes() end)
end

function M:car_comes(who)
  if self.status ~= "Available" or self.driver or self.world.closing then return end
  local driver = who or self.world.drivers:take()
  if not driver then return self:wait_for_car() end
  self.driver, self.car = driver, driver.car
  self.car:arrive(driver.rng, self.world.speed)
  self:become("Preparing")
  self.leaves = later(self, arrivals.stay_s(self.rng, self.world:hour()), function() self:car_goes() end)
  if not who then later(self, PLUG_TO_KEY_S, function() self:show_key(driver) end) end
end

--- The driver holds the key to the reader.
function M:show_key(driver)
  if self.driver ~= driver or self.status ~= "Preparing" or self.tx then return end
  self.station:authorize(driver.uid, function(status)
    if self.driver ~= driver or self.status ~= "Preparing" or self.tx then return end
    if status == "Accepted" then return self:begin(driver.uid) end
    if status then -- refused: tries nothing else, drives away
      agenda.cancel(self.leaves)
      self.leaves = later(self, REFUSED_LEAVES_S, function() self:car_goes() end)
    else
      later(self, 20, function() self:show_key(driver) end) -- no answer: tries again
    end
  end)
end

--- Start the transaction. `past`: {started_ms, energy_wh} when it began before the station was switched on.
function M:begin(tag, past)
  local now = self.world:wall_ms()
  local tx = { connector_id = self.id, tag = tag, started_ms = past and past.started_ms or now,
               meter_start_wh = math.floor(self.register_wh) }
  if past then self.register_wh = self.register_wh + past.energy_wh end
  self.tx = tx
  self.world:activate(self)
  self.station:start_transaction(self, tx)
  self:become("Charging")
  self:step(0)
end

--- Go on with a transaction that was open when the fleet stopped, `away_s` ago (saved.lua).
function M:resume(open, away_s)
  local driver = self.world.drivers:take_uid(open.tag) or self.world:spare_driver(open.tag)
  self.driver, self.car = driver, driver.car
  self.car:become(open.model, open.soc, open.target, self.world.speed)
  local phases = math.min(self.station.phases, self.car.model.phases)
  self.register_wh = self.register_wh + self.car:charged_for(away_s, self.station.maximum_a, phases)
  self.tx = { id = open.id, connector_id = self.id, tag = open.tag, started_ms = open.started_ms,
              meter_start_wh = open.meter_start_wh }
  self.status = "Charging"
  self.world:activate(self)
  self.station:sample_later(self, self.tx)
  self:step(0)
  self.leaves = later(self, arrivals.stay_s(self.rng, self.world:hour()), function() self:car_goes() end)
end

local STATUS_AFTER = { Other = "Faulted" }

--- End the transaction (nothing without one). The car may stay plugged.
function M:finish(reason)
  local tx = self.tx
  if not tx then return end
  self.tx = nil
  tx.meter_stop_wh, tx.stopped_ms, tx.reason = math.floor(self.register_wh), self.world:wall_ms(), reason
  self.car.current_a = 0
  self.current_a, self.used, self.power_w, self.offered_a = 0, 0, 0, 0
  self.world:deactivate(self)
  self.station:stop_transaction(self, tx)
  if not STATUS_AFTER[reason] then self:become(self.scheduled and "Unavailable" or "Finishing") end
end

--- The driver unplugs and drives away.
function M:car_goes()
  local driver = self.driver
  if not driver then return end
  agenda.cancel(self.leaves)
  self:finish(self.rng:chance(0.8) and "Local" or "EVDisconnected")
  self.driver, self.car = nil, nil
  self.world.drivers:leave(driver)
  if self.status == "Faulted" or self.status == "Unavailable" then return end
  local short = self.status == "Finishing" and { 4, 20 } or 1
  later(self, short, function()
    if self.driver or self.status == "Faulted" or self.status == "Unavailable" then return end
    self:become("Available")
    self:wait_for_car()
  end)
end

--- A fault: the transaction ends, the driver finds out and leaves.
function M:break_down(error_code, for_life_s)
  if self.status == "Faulted" then return end
  self:finish("Other")
  self:become("Faulted", error_code)
  if self.driver then self.leaves = later(self, { 60, 600 }, function() self:car_goes() end) end
  later(self, for_life_s, function() self:recover() end)
end

--- Out of order, or usable again.
function M:recover()
  if self.driver then return later(self, 30, function() self:recover() end) end
  self.scheduled = false
  self:become(self.inoperative and "Unavailable" or "Available")
  self:wait_for_car()
end

--- ChangeAvailability: its status.
function M:change_availability(operative)
  self.inoperative = not operative
  if not operative and self.tx then
    self.scheduled = true
    return "Scheduled"
  end
  self.scheduled = false
  if operative and self.status == "Unavailable" then
    self:recover()
  elseif not operative and self.status ~= "Faulted" then
    agenda.cancel(self.next_car)
    self:become("Unavailable")
  end
  return "Accepted"
end

--- RemoteStartTransaction: "Accepted" when it will try.
function M:remote_start(tag)
  if self.tx or self.inoperative then return "Rejected" end
  if self.status ~= "Available" and self.status ~= "Preparing" then return "Rejected" end
  local function go()
    if self.driver and not self.tx and self.status == "Preparing" then self:begin(tag) end
  end
  self.world:after(self.rng:real(0.5, 2), function() -- somebody stands there with the cable in hand
    if not self.driver then
      self:car_comes(self.world.drivers:take() or self.world:spare_driver(tag))
    end
    if self.station.configuration:is("AuthorizeRemoteTxRequests") then
      self.station:authorize(tag, function(status) if status == "Accepted" then go() end end)
    else
      self.world:after(1, go)
    end
  end)
  return "Accepted"
end

--- Let time pass while a transaction runs.
function M:step(seconds)
  local tx, car = self.tx, self.car
  if not tx then return end
  local phases = math.min(self.station.phases, car.model.phases)
  self.offered_a = self.station:offered_a(self, phases)
  self.voltage_v = math.max(222, math.min(238, self.voltage_v + self.rng:real(-0.3, 0.3)))
  local energy_wh
  self.current_a, self.used, self.power_w, energy_wh = car:step(seconds, self.offered_a, phases, self.voltage_v)
  self.register_wh = self.register_wh + energy_wh
  local status = "Charging"
  if self.offered_a < car_module.MINIMUM_A then
    status = "SuspendedEVSE"
  elseif car:full() then
    status = "SuspendedEV"
  end
  if status ~= self.status then self:become(status) end
end

--- The sampled values of this moment.
function M:sampled(context)
  return meter.sampled({
    power_w = self.power_w, current_a = self.current_a, used = self.used, phases = self.station.phases,
    voltage_v = self.voltage_v, register_wh = self.register_wh, soc = self.tx and self.car.soc,
    offered_a = self.offered_a,
  }, self.station.configuration.values.MeterValuesSampledData, context)
end

return M
