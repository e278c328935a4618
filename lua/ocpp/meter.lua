-- meter.lua - sampled values of OCPP 1.6 to the contract's samples and to live connector fields.
--
-- Units become Wh, W, A, V, percent, Celsius (complex-contract.md 1). A present measurand that we do not
-- know keeps its name: relabelling it as energy would bill it (ocpp.md 2.1). A sample without a number
-- is skipped and counted, never stored as zero.

local parse = require "ocpp.parse"

local M = {}

M.SAMPLES_MAX = 64 -- of one MeterValue; more are dropped and flagged

local DEFAULT_MEASURAND = "Energy.Active.Import.Register"
local SCALE = {
  Wh = { "Wh", 1 }, kWh = { "Wh", 1000 }, W = { "W", 1 }, kW = { "W", 1000 }, VA = { "VA", 1 }, kVA = { "VA", 1000 },
  var = { "var", 1 }, kvar = { "var", 1000 }, varh = { "varh", 1 }, kvarh = { "varh", 1000 },
  A = { "A", 1 }, mA = { "A", 0.001 }, V = { "V", 1 }, mV = { "V", 0.001 }, Percent = { "Percent", 1 },
  Celsius = { "Celsius", 1 }, Celcius = { "Celsius", 1 }, C = { "Celsius", 1 },
  Hertz = { "Hz", 1 }, Hz = { "Hz", 1 }, K = { "K", 1 }, Fahrenheit = { "Fahrenheit", 1 },
}
local DEFAULT_UNIT = {
  ["Power.Active.Import"] = "W", ["Power.Active.Export"] = "W", ["Power.Offered"] = "W", ["Current.Import"] = "A",
  ["Current.Export"] = "A", ["Current.Offered"] = "A", Voltage = "V", SoC = "Percent", Temperature = "Celsius",
  Frequency = "Hz",
}

-- Decimal text without a binary tail: 16.1 stays 16.1.
local function rounded(number)
  if math.type(number) == "integer" then return number end
  local scaled = math.floor(number * 1000 + 0.5)
  if scaled % 1000 == 0 then return scaled // 1000 end
  return scaled / 1000
end

local NONE = {}

-- What the station's model does differently (quirks.lua): its words, and the size of its figures.
local function mended(measurand, unit, value, quirks)
  measurand = (quirks.measurands or NONE)[measurand] or measurand
  unit = (quirks.units or NONE)[unit] or unit
  return measurand, unit, value * ((quirks.scale or NONE)[measurand] or 1)
end

local function sample_of(raw, quirks)
  if type(raw) ~= "table" then return nil end
  local value = parse.number(raw.value)
  if not value then return nil end
  local measurand = parse.text(raw.measurand, 64) or DEFAULT_MEASURAND
  local unit = parse.text(raw.unit, 16) or DEFAULT_UNIT[measurand] or (measurand:find("^Energy") and "Wh") or ""
  if quirks then measurand, unit, value = mended(measurand, unit, value, quirks) end
  local scale = SCALE[unit]
  local sample = { m = measurand, v = rounded(scale and value * scale[2] or value), u = scale and scale[1] or unit }
  local phase = parse.text(raw.phase, 8)
  if phase and phase ~= "" then sample.p = phase end
  local location = parse.text(raw.location, 16)
  if location and location ~= "Outlet" then sample.l = location end
  return sample, parse.text(raw.context, 32) or "Sample.Periodic"
end

--- Samples of one MeterValue.
---@param sampled any   the `sampledValue` array as received
---@param quirks table|nil  of the station's model
---@return table[] samples   contract form {m, v, u, p?, l?}
---@return string context    of the first sample ("Sample.Periodic" when absent)
---@return integer skipped   samples without a number, or beyond SAMPLES_MAX
function M.samples(sampled, quirks)
  local samples, context, skipped = {}, nil, 0
  if type(sampled) ~= "table" then return samples, "Sample.Periodic", 1 end
  for _, raw in ipairs(sampled) do
    local sample, ctx = sample_of(raw, quirks)
    if sample and #samples < M.SAMPLES_MAX then
      samples[#samples + 1] = sample
      context = context or ctx
    else
      skipped = skipped + 1
    end
  end
  return samples, context or "Sample.Periodic", skipped
end

local LINE = { L1 = 1, L2 = 2, L3 = 3, ["L1-N"] = 1, ["L2-N"] = 2, ["L3-N"] = 3 }

local function by_phase(samples, measurand)
  local total, phases, any = nil, {}, false
  for _, sample in ipairs(samples) do
    if sample.m == measurand and not sample.l then
      local line = sample.p and LINE[sample.p]
      if line then
        phases[line], any = sample.v, true
      elseif not sample.p then
        total = sample.v
      elseif sample.p == "N" and total == nil then
        total = sample.v -- current only on N: the field does that (ocpp.md 2.1)
      end
    end
  end
  return total, phases, any
end

--- Live fields of the connector hash (complex-contract.md 2): strings-to-be, units W A V Wh percent.
---@param samples table[]
---@return table<string, number> fields
function M.live_fields(samples)
  local fields = {}
  local total, phases, any = by_phase(samples, "Power.Active.Import")
  if total or any then
    fields.powerW = rounded(total or (phases[1] or 0) + (phases[2] or 0) + (phases[3] or 0))
  end
  local current, lines, per_line = by_phase(samples, "Current.Import")
  if per_line then
    for line = 1, 3 do fields["currentL" .. line] = lines[line] end
  elseif current then
    fields.currentL1 = current
  end
  local voltage, volts, per_volt = by_phase(samples, "Voltage")
  if per_volt then
    for line = 1, 3 do fields["voltageL" .. line] = volts[line] end
  elseif voltage then
    fields.voltageL1 = voltage
  end
  fields.socPct = by_phase(samples, "SoC")
  fields.offeredA = by_phase(samples, "Current.Offered")
  fields.energyWh = M.register_wh(samples)
  return fields
end

--- The energy register in Wh (integer), or nil.
function M.register_wh(samples)
  local total, phases, any = by_phase(samples, DEFAULT_MEASURAND)
  if not total and any then total = (phases[1] or 0) + (phases[2] or 0) + (phases[3] or 0) end
  return total and total >= 0 and math.floor(total + 0.5) or nil
end

return M
