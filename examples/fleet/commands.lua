-- commands.lua - what the central system may ask of a station, and how the station answers (OCPP 1.6 5).
--
-- One function an action: (station, request) -> answer. Effects that follow the answer (a reset, a message
-- that was triggered) are put on the agenda, so that the answer leaves first.

local M = {}

local function whole(value) return math.tointeger(tonumber(value)) end

local function find_transaction(station, id)
  for _, each in ipairs(station.connectors) do
    if each.tx and each.tx.id == id then return each end
  end
  return nil
end

local function soon(station, action) station.world:after(0.3, action) end

M.table = {}
local T = M.table

function T.RemoteStartTransaction(station, request)
  local tag = request.idTag
  if type(tag) ~= "string" or tag == "" then return { status = "Rejected" } end
  local id = whole(request.connectorId)
  if id then
    local each = station.connectors[id]
    return { status = each and each:remote_start(tag) or "Rejected" }
  end
  for _, each in ipairs(station.connectors) do
    if each:remote_start(tag) == "Accepted" then return { status = "Accepted" } end
  end
  return { status = "Rejected" }
end

function T.RemoteStopTransaction(station, request)
  local each = find_transaction(station, whole(request.transactionId))
  if not each then return { status = "Rejected" } end
  soon(station, function() each:finish("Remote") end)
  return { status = "Accepted" }
end

function T.Reset(station, request)
  if request.type ~= "Soft" and request.type ~= "Hard" then return { status = "Rejected" } end
  soon(station, function() station:reset(request.type .. "Reset", station.rng:real(2, 6)) end)
  return { status = "Accepted" }
end

function T.UnlockConnector(station, request)
  local each = station.connectors[whole(request.connectorId)]
  if not each then return { status = "NotSupported" } end
  soon(station, function()
    each:finish("UnlockCommand")
    each:car_goes()
  end)
  return { status = "Unlocked" }
end

function T.ChangeAvailability(station, request)
  local operative = request.type == "Operative"
  local id = whole(request.connectorId)
  if not operative and request.type ~= "Inoperative" or id ~= 0 and not station.connectors[id] then
    return { status = "Rejected" }
  end
  local status = "Accepted"
  for _, each in ipairs(id == 0 and station.connectors or { station.connectors[id] }) do
    if each:change_availability(operative) == "Scheduled" then status = "Scheduled" end
  end
  return { status = status }
end

function T.ChangeConfiguration(station, request)
  if request.key == "AuthorizationKey" then -- write-only; the new key holds from the next connection
    if type(request.value) ~= "string" or #request.value < 16 then return { status = "Rejected" } end
    station.link.key = request.value
    return { status = "Accepted" }
  end
  local status = station.configuration:change(request.key, request.value)
  if status == "Accepted" and request.key == "HeartbeatInterval" then station:beat() end
  return { status = status }
end

function T.GetConfiguration(station, request) return station.configuration:report(request.key) end

function T.ClearCache() return { status = "Accepted" } end

local TRIGGERS = {
  BootNotification = function(station) station:boot() end,
  Heartbeat = function(station) station.link:call("Heartbeat", {}) end,
  StatusNotification = function(station, list)
    for _, each in ipairs(list) do station:tell_status(each, true) end
  end,
  MeterValues = function(station, list)
    for _, each in ipairs(list) do station:send_sample(each, each.tx, "Trigger") end
  end,
}

function T.TriggerMessage(station, request)
  local trigger = TRIGGERS[request.requestedMessage]
  if not trigger then return { status = "NotImplemented" } end
  local id = whole(request.connectorId)
  if id and id ~= 0 and not station.connectors[id] then return { status = "Rejected" } end
  local list = id and id ~= 0 and { station.connectors[id] } or station.connectors
  soon(station, function() trigger(station, list) end)
  return { status = "Accepted" }
end

function T.SetChargingProfile(station, request)
  local id, profile = whole(request.connectorId), request.csChargingProfiles
  local each = id and station.connectors[id]
  if not id or type(profile) ~= "table" or id ~= 0 and not each then return { status = "Rejected" } end
  local tx = each and each.tx
  local ok, why = station.profiles:set(id, profile, tx and (tx.id or 0), station.world:wall_ms())
  if not ok then station.world.log.debug("profile refused", { station = station.id, why = why }) end
  return { status = ok and "Accepted" or "Rejected" }
end

function T.ClearChargingProfile(station, request)
  local gone = station.profiles:clear(whole(request.id), whole(request.connectorId), request.chargingProfilePurpose,
                                      whole(request.stackLevel))
  return { status = gone > 0 and "Accepted" or "Unknown" }
end

function T.GetCompositeSchedule(station, request)
  local id = whole(request.connectorId)
  local each = station.connectors[id]
  if not each then return { status = "Rejected" } end
  local limit = station:offered_a(each, station.phases)
  local in_watts = request.chargingRateUnit == "W"
  return { status = "Accepted", connectorId = id, scheduleStart = station.world:rfc3339(), chargingSchedule = {
    duration = whole(request.duration) or 3600, chargingRateUnit = in_watts and "W" or "A",
    chargingSchedulePeriod = { { startPeriod = 0, limit = in_watts and math.floor(limit * 230 * station.phases)
      or math.floor(limit * 10) / 10 } },
  } }
end

function T.GetLocalListVersion() return { listVersion = -1 } end -- -1: no local list (OCPP 1.6 5.10)
function T.SendLocalList() return { status = "NotSupported" } end
function T.DataTransfer() return { status = "UnknownVendorId" } end

--- The answer, or nil and the error code.
function M.answer(station, action, request)
  local handler = M.table[action]
  if not handler then return nil, "NotImplemented" end
  return handler(station, request)
end

return M
