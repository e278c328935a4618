-- station.lua - one charging station: what it says to the central system, and when.
--
-- It boots once, comes back after a loss without booting (as real stations do), tells a status only when
-- it changed, sends meter values of running transactions through the outbox, and keeps its promises about
-- what it sends over losses of the link. What the central system asks of it is in commands.lua.

local agenda = require "agenda"
local commands = require "commands"
local configuration = require "configuration"
local connector = require "connector"
local link = require "ocpp_link"
local outbox = require "outbox"
local profile = require "profile"
local rng = require "rng"

local M = {}
M.__index = M

--- @param world table   main.lua
--- @param spec table    {id, key, connectors?, phases?, max_a?, rotation?, vendor?, model?, firmware?}
--- @param saved table|nil  what saved.lua kept of it
function M.new(world, spec, saved)
  local self = setmetatable({
    world = world, id = spec.id, key = spec.key or "", spec = spec, phases = spec.phases or 3,
    maximum_a = spec.max_a or 32, rng = rng.new(world.seed, spec.id), profiles = profile.new(), connectors = {},
    booted = false, interval_s = 300,
  }, M)
  self.configuration = configuration.new {
    NumberOfConnectors = tostring(spec.connectors or 1), ConnectorPhaseRotation = "0." .. (spec.rotation or "RST"),
    MeterValueSampleInterval = tostring(world.meter_s), ClockAlignedDataInterval = tostring(world.aligned_s),
    TransactionMessageRetryInterval = tostring(world.retry_s),
    TransactionMessageAttempts = "20", -- a central system that is being repaired costs nobody his record
  }
  for id = 1, spec.connectors or 1 do
    self.connectors[id] = connector.new(self, id, saved and saved[tostring(id)] and saved[tostring(id)].register_wh)
  end
  self.link = link.new {
    world = world, dial = world.dial, url = world.url, id = self.id, key = self.key, rng = self.rng,
    ca_file = world.ca_file,
    on_open = function() self:on_open() end, on_close = function() self:on_close() end,
    on_call = function(action, payload) return commands.answer(self, action, payload) end,
  }
  self.outbox = outbox.new {
    world = world, link = self.link,
    attempts = function() return self.configuration:number("TransactionMessageAttempts") end,
    retry_s = function() return self.configuration:number("TransactionMessageRetryInterval") end,
    on_drop = function(message) world.ledger:drop(self.id, message.action) end,
  }
  return self
end

--- Switch it on in `delay_s`.
function M:power_on(delay_s)
  self.on = true
  self.link:open(delay_s)
end

-- --- the link ---

function M:on_open()
  if not self.booted then return self:boot() end
  self:ready()
end

function M:on_close()
  self.outbox:hold()
  agenda.cancel(self.heartbeat)
end

function M:boot()
  self.link:call("BootNotification", {
    chargePointVendor = self.spec.vendor or "Kilowatch", chargePointModel = self.spec.model or "Fleet 22",
    chargePointSerialNumber = self.spec.serial or ("S" .. self.id), firmwareVersion = self.spec.firmware or "1.4.2",
    meterType = "class 1",
  }, function(answer)
    local interval_s = answer and tonumber(answer.interval) or 30
    if not answer or answer.status ~= "Accepted" then
      self.world:after(math.max(5, math.min(interval_s, 60)), function()
        if self.link:up() and not self.booted then self:boot() end
      end)
      return
    end
    self.booted, self.interval_s = true, math.max(1, interval_s)
    self.configuration.values.HeartbeatInterval = tostring(self.interval_s)
    for _, each in ipairs(self.connectors) do each.sent_status = nil end
    self:ready()
  end)
end

--- Booted and connected: what changed meanwhile, what waits, and the rhythm of heartbeats.
function M:ready()
  for _, each in ipairs(self.connectors) do self:tell_status(each) end
  self.outbox:flush()
  self:beat()
end

function M:beat()
  agenda.cancel(self.heartbeat)
  local wait_s = self.configuration:number("HeartbeatInterval") * self.rng:real(0.95, 1.05)
  self.heartbeat = self.world:after(wait_s, function()
    self.link:call("Heartbeat", {})
    self:beat()
  end)
end

-- --- what it tells ---

--- Tell a connector's status unless the central system knows it. `force`: tell it anyway.
function M:tell_status(each, force)
  if not self.booted or not self.link:up() then return end
  local key = each.status .. "/" .. each.error
  if each.sent_status == key and not force then return end
  each.sent_status = key
  self.link:call("StatusNotification", {
    connectorId = each.id, status = each.status, errorCode = each.error, timestamp = self.world:rfc3339(),
  }, function(answer)
    if not answer and each.sent_status == key then each.sent_status = nil end
  end)
end

--- done("Accepted"|"Invalid"|...|nil when no answer came)
function M:authorize(tag, done)
  self.link:call("Authorize", { idTag = tag }, function(answer)
    done(answer and type(answer.idTagInfo) == "table" and answer.idTagInfo.status or nil)
  end)
end

function M:start_transaction(each, tx)
  self.outbox:add("StartTransaction", {
    connectorId = tx.connector_id, idTag = tx.tag, meterStart = tx.meter_start_wh,
    timestamp = self.world:rfc3339(tx.started_ms),
  }, function(answer)
    tx.id = math.tointeger(tonumber(answer.transactionId))
    self.world.ledger:start(self.id, tx)
    local status = type(answer.idTagInfo) == "table" and answer.idTagInfo.status
    if status ~= "Accepted" and each.tx == tx and self.configuration:is("StopTransactionOnInvalidId") then
      each:finish("DeAuthorized")
    end
  end)
  self:sample_later(each, tx)
end

function M:stop_transaction(each, tx)
  self.profiles:end_transaction(each.id)
  agenda.cancel(tx.sampling)
  self.outbox:add("StopTransaction", function()
    if not tx.id then return nil end -- its start was given up: there is nothing to stop
    return { transactionId = tx.id, idTag = tx.tag, meterStop = tx.meter_stop_wh, reason = tx.reason,
             timestamp = self.world:rfc3339(tx.stopped_ms) }
  end, function() self.world.ledger:stop(self.id, tx) end)
end

function M:send_sample(each, tx, context)
  local value = { timestamp = self.world:rfc3339(), sampledValue = each:sampled(context) }
  if not tx then
    self.link:call("MeterValues", { connectorId = each.id, meterValue = { value } })
    return
  end
  self.outbox:add("MeterValues", function()
    if not tx.id then return nil end
    return { connectorId = each.id, transactionId = tx.id, meterValue = { value } }
  end)
end

-- The first value follows the start within seconds; the second finds the station's place in the interval,
-- so that sessions that began together do not speak together for ever.
function M:sample_later(each, tx)
  local interval_s = self.configuration:number("MeterValueSampleInterval")
  if interval_s == 0 then interval_s = 30 end -- switched off: look again later whether it still is
  local wait_s = interval_s
  tx.samples = (tx.samples or 0) + 1
  if tx.samples == 1 then
    wait_s = math.min(interval_s, self.rng:real(0.5, 2.5))
  elseif tx.samples == 2 then
    wait_s = interval_s * self.rng:real(0.2, 1)
  end
  tx.sampling = self.world:after(wait_s, function()
    if each.tx ~= tx then return end
    if self.configuration:number("MeterValueSampleInterval") > 0 then self:send_sample(each, tx) end
    self:sample_later(each, tx)
  end)
end

--- Values of idle connectors (ClockAlignedDataInterval; off by default). Each station has its own phase:
--- clocks are not that exact, and a chorus of all stations is not what one wants to measure.
function M:align(first)
  local interval_s = self.configuration:number("ClockAlignedDataInterval")
  local wait_s = (interval_s > 0 and interval_s or 60) * (first and self.rng:real() or 1)
  self.world:after(wait_s, function()
    if interval_s > 0 and self.booted and self.link:up() then
      for _, each in ipairs(self.connectors) do
        if not each.tx then self:send_sample(each, nil, "Sample.Clock") end
      end
    end
    self:align()
  end)
end

--- Current per phase that it offers on a connector now.
function M:offered_a(each, phases)
  local sharing = 0
  for _, other in ipairs(self.connectors) do
    if other.tx and not other.car:full() then sharing = sharing + 1 end
  end
  return self.profiles:limit_a(each.id, self.maximum_a, phases, sharing, self.world:wall_ms(),
                               each.tx and each.tx.started_ms)
end

--- Everything ends, the link drops, and it boots again in `after_s`.
function M:reset(reason, after_s)
  for _, each in ipairs(self.connectors) do each:finish(reason) end
  self.booted = false
  self.link:close(reason == "HardReset")
  self:power_on(after_s)
end

return M
