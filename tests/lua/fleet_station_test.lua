-- fleet_station_test.lua - a station of the fleet against a central system that is a table.

local fleet = require "support.fleet"
local faults = require "faults"
local opening = require "opening"
local station = require "station"

-- A station with a car that charges, its transaction acknowledged.
local function charging(options)
  local world, central = fleet.make(options)
  local one = station.new(world, { id = "EV-1", key = "secret" })
  one:power_on(0)
  central.pass(1)
  one.connectors[1]:car_comes()
  central.pass(60)
  return one, central, world
end

return {
  { "boots once, tells its status, and not again after a loss", function(t)
    local world, central = fleet.make()
    local one = station.new(world, { id = "EV-1", key = "k", connectors = 2 })
    one:power_on(0)
    central.pass(2)
    t.equal(#central.of("BootNotification"), 1)
    t.equal(#central.of("StatusNotification"), 2)
    central.cut()
    central.pass(10)
    t.equal(#central.sockets, 2, "it came back")
    t.equal(#central.of("BootNotification"), 1)
    t.equal(#central.of("StatusNotification"), 2)
  end },
  { "a session: authorize, start, meter values, stop with the exact energy", function(t)
    local one, central = charging()
    local each = one.connectors[1]
    t.equal(central.of("Authorize")[1].payload.idTag:sub(1, 2), "04")
    local start = central.of("StartTransaction")[1].payload
    t.equal(each.status, "Charging")
    central.pass(600)
    local tx = each.tx
    each:car_goes()
    central.pass(5)
    local stop = central.of("StopTransaction")[1].payload
    t.equal(stop.transactionId, 1)
    t.equal(stop.meterStop - start.meterStart, tx.meter_stop_wh - tx.meter_start_wh)
    t.ok(stop.meterStop > start.meterStart + 300, "ten minutes of charging")
    local values = central.of("MeterValues")
    t.ok(#values >= 55 and #values <= 66, "one every 10 s: " .. #values)
    local last, found = values[#values].payload.meterValue[1].sampledValue, {}
    for _, sample in ipairs(last) do
      found[sample.measurand] = (found[sample.measurand] or 0) + 1
      t.equal(type(sample.value), "string")
    end
    t.equal(found, { ["Power.Active.Import"] = 1, ["Current.Import"] = 3, Voltage = 3,
                     ["Energy.Active.Import.Register"] = 1, SoC = 1, ["Current.Offered"] = 1 })
  end },
  { "a refused key starts nothing", function(t)
    local world, central = fleet.make()
    central.answers.Authorize = { idTagInfo = { status = "Blocked" } }
    local one = station.new(world, { id = "EV-1", key = "k" })
    one:power_on(0)
    central.pass(1)
    one.connectors[1]:car_comes()
    central.pass(120)
    t.equal(#central.of("StartTransaction"), 0)
    t.equal(one.connectors[1].status, "Available", "and the car has gone")
  end },
  { "no answer to a start: sent again with a new message id, the meter values wait", function(t)
    local world, central = fleet.make()
    central.silent.StartTransaction = true
    local one = station.new(world, { id = "EV-1", key = "k" })
    one:power_on(0)
    central.pass(1)
    one.connectors[1]:car_comes()
    central.pass(140)
    local starts = central.of("StartTransaction")
    t.ok(#starts >= 3, "again and again: " .. #starts)
    t.ok(starts[1].id ~= starts[2].id, "a new message id")
    t.equal(starts[1].payload, starts[2].payload, "the same content")
    t.equal(#central.of("MeterValues"), 0)
    central.silent.StartTransaction = nil
    central.pass(40)
    t.ok(#central.of("MeterValues") > 5, "then all of them")
    t.equal(one.outbox:waiting(), 0)
  end },
  { "a loss of the link loses nothing", function(t)
    local one, central, world = charging()
    central.up = false
    central.cut()
    central.pass(100)
    one.connectors[1]:car_goes()
    central.pass(20)
    t.equal(#central.of("StopTransaction"), 0)
    t.ok(one.outbox:waiting() > 5)
    central.up = true
    central.pass(100)
    t.equal(one.outbox:waiting(), 0)
    t.equal(#central.of("StopTransaction"), 1)
    t.equal({ world.ledger.started, world.ledger.stopped }, { 1, 1 })
  end },
  { "obeys a limit, suspends below 6 A, and goes on", function(t)
    local one, central = charging()
    local each = one.connectors[1]
    local function set(limit)
      return central.ask("SetChargingProfile", { connectorId = 1, csChargingProfiles = {
        chargingProfileId = 1, stackLevel = 0, chargingProfilePurpose = "TxDefaultProfile",
        chargingProfileKind = "Absolute",
        chargingSchedule = { chargingRateUnit = "A",
                             chargingSchedulePeriod = { { startPeriod = 0, limit = limit } } } } })
    end
    t.equal(set(8)[3], { status = "Accepted" })
    central.pass(3)
    t.equal(each.current_a, 8)
    set(0)
    central.pass(3)
    t.equal({ each.current_a, each.status }, { 0, "SuspendedEVSE" })
    t.equal(central.ask("ClearChargingProfile", { id = 1 })[3], { status = "Accepted" })
    central.pass(10)
    t.ok(each.current_a > 8 and each.status == "Charging")
  end },
  { "commands of the central system", function(t)
    local one, central = charging()
    local each = one.connectors[1]
    t.equal(central.ask("RemoteStopTransaction", { transactionId = 99 })[3], { status = "Rejected" })
    t.equal(central.ask("ChangeAvailability", { connectorId = 0, type = "Inoperative" })[3], { status = "Scheduled" })
    t.equal(central.ask("RemoteStopTransaction", { transactionId = 1 })[3], { status = "Accepted" })
    central.pass(2)
    t.equal(central.of("StopTransaction")[1].payload.reason, "Remote")
    t.equal(each.status, "Unavailable", "what was scheduled")
    t.equal(central.ask("RemoteStartTransaction", { idTag = "X" })[3], { status = "Rejected" })
    local report = central.ask("GetConfiguration", { key = { "HeartbeatInterval", "Nonsense" } })[3]
    t.equal(report.unknownKey[1], "Nonsense")
    t.equal(report.configurationKey[1].value, "300")
    t.equal(central.ask("ChangeConfiguration", { key = "NumberOfConnectors", value = "3" })[3], { status = "Rejected" })
    t.equal(central.ask("ChangeConfiguration", { key = "MeterValueSampleInterval", value = "5" })[3],
            { status = "Accepted" })
    t.equal(central.ask("TriggerMessage", { requestedMessage = "StatusNotification", connectorId = 1 })[3],
            { status = "Accepted" })
    local frame = central.ask("Nonsense", {})
    t.equal({ frame[1], frame[3] }, { 4, "NotImplemented" })
  end },
  { "a reset ends the session, and the station boots again", function(t)
    local one, central = charging()
    t.equal(central.ask("Reset", { type = "Soft" })[3], { status = "Accepted" })
    central.pass(15)
    t.equal(#central.of("BootNotification"), 2)
    t.equal(central.of("StopTransaction")[1].payload.reason, "SoftReset")
    t.equal(one.outbox:waiting(), 0)
  end },
  { "a remote start brings somebody with a cable", function(t)
    local world, central = fleet.make()
    local one = station.new(world, { id = "EV-1", key = "k" })
    one:power_on(0)
    central.pass(1)
    t.equal(central.ask("RemoteStartTransaction", { idTag = "REMOTE", connectorId = 1 })[3], { status = "Accepted" })
    central.pass(10)
    t.equal(central.of("StartTransaction")[1].payload.idTag, "REMOTE")
  end },
  { "a restart of the fleet: the session goes on; after a day it ends as after a power cut", function(t)
    local function restart(away_ms)
      local world, central = fleet.make(nil, { { uid = "04AA" } })
      local one = station.new(world, { id = "EV-1", key = "k" }, { ["1"] = { register_wh = 5000 } })
      opening.set(one, faults, true, true, { ["1"] = { register_wh = 5000, open = {
        id = 77, tag = "04AA", meter_start_wh = 1000, started_ms = world.wall_ms() - away_ms - 60000,
        seen_ms = world.wall_ms() - away_ms, model = "family", soc = 0.4, target = 0.9 } } })
      one:power_on(0)
      central.pass(30)
      return one, central
    end
    local one, central = restart(600000)
    t.equal({ #central.of("StartTransaction"), #central.of("StopTransaction") }, { 0, 0 })
    t.equal(central.of("MeterValues")[1].payload.transactionId, 77)
    one.connectors[1]:car_goes()
    central.pass(2)
    local stop = central.of("StopTransaction")[1].payload
    t.ok(stop.transactionId == 77 and stop.meterStop > 6500, "ten minutes more: " .. stop.meterStop)
    local _, later = restart(86400000)
    stop = later.of("StopTransaction")[1].payload
    t.equal({ stop.transactionId, stop.meterStop, stop.reason }, { 77, 5000, "PowerLoss" })
  end },
  { "a car park that one enters: sessions of every age, the same for the same seed", function(t)
    local function enter()
      local people = {}
      for i = 1, 100 do people[i] = { uid = ("04%04d"):format(i) } end
      local world, central = fleet.make(nil, people)
      for i = 1, 60 do
        local one = station.new(world, { id = "EV-" .. i, key = "k" })
        opening.set(one, faults, false, false)
        one:power_on(i / 60)
      end
      central.pass(5)
      local starts, ages, tags = central.of("StartTransaction"), {}, {}
      for i, call in ipairs(starts) do
        ages[call.payload.timestamp], tags[i] = true, call.payload.idTag
      end
      return #starts, tags, ages
    end
    local count, tags, ages = enter()
    t.ok(count > 20 and count < 50, "about half are charging: " .. count)
    local distinct = 0
    for _ in pairs(ages) do distinct = distinct + 1 end
    t.ok(distinct > 20, "they began at different times")
    local _, again = enter()
    t.equal(again, tags)
  end },
}
