-- ocpp_meter_test.lua - sampled values to the contract's samples, and registers that lie.

local meter = require "ocpp.meter"
local register = require "ocpp.register"
local world_module = require "support.ocpp"

local HOUR = 3600000
local function tx(start) return { id = 1, cs = "EV-1", con = 1, at = 0, last_at = 0, meter = start } end
local function feed(one, list)
  local believed = {}
  for i, figure in ipairs(list) do believed[i] = register.sample(one, figure, i * 60000) end
  return believed
end

return {
  { "units become the contract's, unknown measurands keep their names", function(t)
    local samples, context, skipped = meter.samples {
      { value = "1.5", measurand = "Energy.Active.Import.Register", unit = "kWh" }, { value = 7 },
      { value = "3500", measurand = "Current.Import", unit = "mA", phase = "L2", context = "Trigger" },
      { value = "20", measurand = "Temperature", unit = "Celcius", location = "Body" },
      { value = "9", measurand = "Made.Up" }, { value = "nan" }, { value = "" }, 5 }
    t.equal(samples, {
      { m = "Energy.Active.Import.Register", v = 1500, u = "Wh" }, { m = "Energy.Active.Import.Register", v = 7,
        u = "Wh" },
      { m = "Current.Import", v = 3.5, u = "A", p = "L2" }, { m = "Temperature", v = 20, u = "Celsius", l = "Body" },
      { m = "Made.Up", v = 9, u = "" } })
    t.equal({ context, skipped }, { "Sample.Periodic", 3 })
    t.equal({ meter.samples("x") }, { {}, "Sample.Periodic", 1 })
    t.equal(#meter.samples((function() local l = {} for i = 1, 100 do l[i] = { value = i } end return l end)()), 64)
  end },
  { "live fields: totals before phases, a current on N, power as a sum", function(t)
    local fields = meter.live_fields((meter.samples {
      { value = "1000", measurand = "Power.Active.Import", phase = "L1" },
      { value = "2000", measurand = "Power.Active.Import", phase = "L2" },
      { value = "16", measurand = "Current.Import", phase = "L1" }, { value = "55", measurand = "SoC",
        unit = "Percent" } }))
    t.equal(fields, { powerW = 3000, currentL1 = 16, socPct = 55 })
    t.equal(meter.live_fields((meter.samples { { value = "9", measurand = "Current.Import", phase = "N" } })),
      { currentL1 = 9 })
    t.equal(meter.live_fields((meter.samples { { value = "2", measurand = "Power.Active.Import", unit = "kW" },
      { value = "1", measurand = "Power.Active.Import", unit = "kW", phase = "L1" } })), { powerW = 2000 })
  end },
  { "a model's quirks: size, words", function(t)
    local samples = meter.samples({ { value = "160", measurand = "Current.Import", unit = "A" },
      { value = "5", measurand = "Leistung", unit = "Kilowatt" } },
      { scale = { ["Current.Import"] = 0.1 }, measurands = { Leistung = "Power.Active.Import" },
        units = { Kilowatt = "kW" } })
    t.equal(samples, { { m = "Current.Import", v = 16, u = "A" }, { m = "Power.Active.Import", v = 5000, u = "W" } })
  end },
  { "a register that grows, one zero, one spike", function(t)
    local one = tx(1000)
    t.equal(feed(one, { 1100, 0, 1200, 900000000, 1300 }), { true, false, true, false, true })
    t.equal({ register.energy(one), one.last }, { 300, 1300 })
  end },
  { "a restart of the register goes on counting", function(t)
    local one = tx(50000)
    feed(one, { 51000, 20, 120 })
    t.equal(register.energy(one), 1120)
  end },
  { "a register of the session under a lifetime start", function(t)
    local one = tx(800000)
    feed(one, { 0, 500, 1500 })
    t.equal(register.energy(one), 1500)
  end },
  { "no figure at the start: counted from the first sample", function(t)
    local one = tx(nil)
    feed(one, { 700, 900 })
    t.equal(register.energy(one), 200)
  end },
  { "a real jump comes twice", function(t)
    local one = tx(0)
    t.equal(feed(one, { 500000, 500100 }), { false, true })
    t.equal(register.energy(one), 500100)
  end },
  { "after a long silence much may have been charged", function(t)
    local one = tx(0)
    t.ok(register.sample(one, 60000, HOUR))
  end },
  { "old samples are history, doubted figures are not shown", function(t)
    local world = world_module.new()
    world.start(1000)
    local _, events = world.meter(2000, -600000)
    t.equal({ events[1].f.off, events[1].set }, { 1, nil })
    _, events = world.meter(3000)
    t.equal(events[1].set[1][4].energyWh, 3000)
    t.equal(events[1].set[2][4].energyWh, 2000)
    _, events = world.meter(0)
    t.equal({ events[1].set[1][4].energyWh, events[1].d.doubted }, { nil, 1 })
    t.equal(events[1].d.s[1].v, 0, "history keeps what was said")
  end },
  { "samples without a transaction number go to the connector's own", function(t)
    local world = world_module.new()
    local id = world.start(0)
    local _, events = world.meter(10)
    t.equal(events[1].f.tx, tostring(id))
    _, events = world.meter(10, 1, { transactionId = 0 })
    t.equal(events[1].f.tx, tostring(id))
    _, events = world.meter(10, 2, { connectorId = 0 })
    t.equal(events[1].f.tx, nil)
    t.equal(#select(2, world.message("MeterValues", { connectorId = 1, meterValue = { { sampledValue = {} }, 5,
      {} } })), 0)
    t.equal(world.message("MeterValues", { meterValue = "?" }), {})
  end },
  { "the same samples have the same key, others another", function(t)
    local world = world_module.new()
    local _, a = world.meter(10)
    local _, b = world.meter(10)
    local _, c = world.meter(11)
    t.equal(a[1].k, b[1].k)
    t.ok(a[1].k ~= c[1].k)
  end },
}
