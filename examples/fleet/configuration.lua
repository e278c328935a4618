-- configuration.lua - a station's configuration keys (OCPP 1.6 part 9): values are text, some read-only.

local json = require "kw.json"

local M = {}
M.__index = M

local function whole(low, high)
  return function(value)
    local number = math.tointeger(tonumber(value))
    return number ~= nil and number >= low and number <= high
  end
end

local function boolean(value) return value:lower() == "true" or value:lower() == "false" end
local function any() return true end

-- name -> default, check of a new value (nil: read-only), reboot needed
local KEYS = {
  { "AuthorizeRemoteTxRequests", "false", boolean },
  { "ChargeProfileMaxStackLevel", "8" },
  { "ChargingScheduleAllowedChargingRateUnit", "Current,Power" },
  { "ChargingScheduleMaxPeriods", "24" },
  { "ClockAlignedDataInterval", "0", whole(0, 86400) },
  { "ConnectionTimeOut", "60", whole(5, 3600) },
  { "ConnectorPhaseRotation", "", any },
  { "HeartbeatInterval", "300", whole(1, 86400) },
  { "LocalAuthListEnabled", "false", boolean },
  { "LocalPreAuthorize", "false", boolean },
  { "MaxChargingProfilesInstalled", "20" },
  { "MeterValueSampleInterval", "10", whole(0, 86400) },
  { "MeterValuesSampledData", "Power.Active.Import,Current.Import,Voltage,Energy.Active.Import.Register,SoC,"
    .. "Current.Offered", any },
  { "NumberOfConnectors", "1" },
  { "StopTransactionOnEVSideDisconnect", "true", boolean },
  { "StopTransactionOnInvalidId", "true", boolean },
  { "SupportedFeatureProfiles", "Core,SmartCharging,RemoteTrigger" },
  { "TransactionMessageAttempts", "3", whole(1, 100) },
  { "TransactionMessageRetryInterval", "60", whole(1, 3600) },
  { "UnlockConnectorOnEVSideDisconnect", "true", boolean },
  { "WebSocketPingInterval", "0", whole(0, 3600) },
  { "MaxEnergyOnInvalidId", "0", whole(0, 100000), true },
}

function M.new(own)
  local self = setmetatable({ values = {}, rules = {} }, M)
  for _, key in ipairs(KEYS) do
    self.values[key[1]] = own[key[1]] or key[2]
    self.rules[key[1]] = { check = key[3], reboot = key[4] }
  end
  return self
end

function M:number(name) return tonumber(self.values[name]) end
function M:is(name) return self.values[name]:lower() == "true" end

--- ChangeConfiguration: its status. The password of the link is another matter (station.lua).
function M:change(name, value)
  local rule = self.rules[name]
  if not rule then return "NotSupported" end
  if not rule.check or type(value) ~= "string" or not rule.check(value) then return "Rejected" end
  self.values[name] = value
  return rule.reboot and "RebootRequired" or "Accepted"
end

--- GetConfiguration: the answer for these names, or for all.
function M:report(names)
  local known, unknown = json.array(), json.array()
  if type(names) ~= "table" or #names == 0 then
    names = {}
    for _, key in ipairs(KEYS) do names[#names + 1] = key[1] end
  end
  for _, name in ipairs(names) do
    if self.rules[name] then
      known[#known + 1] = { key = name, readonly = self.rules[name].check == nil, value = self.values[name] }
    else
      unknown[#unknown + 1] = name
    end
  end
  return { configurationKey = known, unknownKey = #unknown > 0 and unknown or nil }
end

return M
