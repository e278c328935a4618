-- meter.lua - what a connector's meter says, as OCPP sampled values.
--
-- Only what the configuration key MeterValuesSampledData names is sent, as in a real station; an idle
-- connector reports zero current, which is a value and not a gap.

local M = {}

local function text(value, decimals) return ("%." .. decimals .. "f"):format(value) end

local WRITERS = {
  ["Power.Active.Import"] = function(out, meter, context)
    out[#out + 1] = { value = text(meter.power_w, 0), measurand = "Power.Active.Import", unit = "W", context = context }
  end,
  ["Current.Import"] = function(out, meter, context)
    for line = 1, meter.phases do
      out[#out + 1] = { value = text(line <= meter.used and meter.current_a or 0, 2), measurand = "Current.Import",
                        unit = "A", phase = "L" .. line, context = context }
    end
  end,
  Voltage = function(out, meter, context)
    for line = 1, meter.phases do
      out[#out + 1] = { value = text(meter.voltage_v + (line - 2) * 0.7, 1), measurand = "Voltage", unit = "V",
                        phase = "L" .. line .. "-N", context = context }
    end
  end,
  ["Energy.Active.Import.Register"] = function(out, meter, context)
    out[#out + 1] = { value = text(math.floor(meter.register_wh), 0), measurand = "Energy.Active.Import.Register",
                      unit = "Wh", context = context }
  end,
  SoC = function(out, meter, context)
    if not meter.soc then return end
    out[#out + 1] = { value = text(math.floor(meter.soc * 100), 0), measurand = "SoC", unit = "Percent",
                      location = "EV", context = context }
  end,
  ["Current.Offered"] = function(out, meter, context)
    out[#out + 1] = { value = text(meter.offered_a, 1), measurand = "Current.Offered", unit = "A", context = context }
  end,
}

--- The `sampledValue` array.
---@param meter table  power_w, current_a, used, phases, voltage_v, register_wh, soc|nil, offered_a
---@param measurands string  comma-separated
---@param context string|nil  nil: Sample.Periodic
function M.sampled(meter, measurands, context)
  local out = {}
  for name in measurands:gmatch("[^,]+") do
    local writer = WRITERS[name]
    if writer then writer(out, meter, context) end
  end
  return out
end

return M
