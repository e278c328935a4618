-- commands.lua - the contract's commands in OCPP 1.6 words: request, meaning of the answer, and what
-- confirms it later.
--
-- Each entry: action, build(cmd) -> payload | nil, "why not"; read(answer) -> state, ocppStatus (default:
-- by `status`); confirm: what the station must show afterwards (contract 5, `effect`).

local M = {}

local ACCEPT = { Accepted = "accepted", Rejected = "rejected", NotSupported = "notSupported",
                 NotImplemented = "notSupported", Scheduled = "scheduled",
                 RebootRequired = "rebootRequired", Unlocked = "accepted",
                 UnlockFailed = "rejected" }

--- State of the command for an answer with `status`.
function M.read_status(answer)
  local status = type(answer) == "table" and answer.status
  return ACCEPT[status] or "error", type(status) == "string" and status or nil
end

local function connector(cmd) return math.tointeger(cmd.connectorId or cmd.evseId) end

-- Limits are sent with at most one decimal (schema multipleOf 0.1, ocpp.md 3).
local function one_decimal(number)
  local tenths = math.floor(number * 10 + 0.5)
  return tenths % 10 == 0 and tenths // 10 or tenths / 10
end

local function profile(cmd)
  local p = cmd.params
  if type(p.csChargingProfiles) == "table" then return p.csChargingProfiles end
  local limit = tonumber(p.limitA) or tonumber(p.limitW)
  if not limit or limit < 0 then return nil end
  local unit = p.limitA and "A" or "W"
  local period = { startPeriod = 0, limit = one_decimal(limit) }
  period.numberPhases = math.tointeger(p.numberPhases)
  return {
    chargingProfileId = math.tointeger(p.profileId) or 1, stackLevel = math.tointeger(p.stackLevel) or 0,
    transactionId = math.tointeger(tonumber(cmd.txId)),
    chargingProfilePurpose = p.purpose or (connector(cmd) == 0 and "ChargePointMaxProfile" or "TxDefaultProfile"),
    chargingProfileKind = "Absolute",
    chargingSchedule = { chargingRateUnit = unit, startSchedule = p.startSchedule,
                         chargingSchedulePeriod = { period } },
  }
end

M.table = {
  remoteStart = { action = "RemoteStartTransaction", confirm = "tx.started", build = function(cmd)
    if type(cmd.params.idTag) ~= "string" then return nil, "params.idTag is needed" end
    return { idTag = cmd.params.idTag, connectorId = connector(cmd), chargingProfile = cmd.params.chargingProfile }
  end },
  remoteStop = { action = "RemoteStopTransaction", confirm = "tx.ended", build = function(cmd)
    local id = math.tointeger(tonumber(cmd.txId))
    if not id then return nil, "txId is needed: the transaction's number" end
    return { transactionId = id }
  end },
  reset = { action = "Reset", confirm = "station.boot", build = function(cmd)
    local kind = cmd.params.type or "Soft"
    if kind ~= "Soft" and kind ~= "Hard" then return nil, "params.type is Soft or Hard" end
    return { type = kind }
  end },
  unlock = { action = "UnlockConnector", build = function(cmd) return { connectorId = connector(cmd) or 1 } end },
  changeAvailability = { action = "ChangeAvailability", confirm = "status", build = function(cmd)
    local kind = cmd.params.type
    if kind ~= "Operative" and kind ~= "Inoperative" then return nil, "params.type is Operative or Inoperative" end
    return { connectorId = connector(cmd) or 0, type = kind }
  end },
  setConfig = { action = "ChangeConfiguration", build = function(cmd)
    if type(cmd.params.key) ~= "string" then return nil, "params.key is needed" end
    return { key = cmd.params.key, value = tostring(cmd.params.value) }
  end },
  getConfig = { action = "GetConfiguration", build = function(cmd)
    return { key = type(cmd.params.key) == "table" and #cmd.params.key > 0 and cmd.params.key or nil }
  end, read = function(answer)
    return type(answer.configurationKey) == "table" and "accepted" or "error", nil
  end, keep = true },
  trigger = { action = "TriggerMessage", build = function(cmd)
    if type(cmd.params.requestedMessage) ~= "string" then return nil, "params.requestedMessage is needed" end
    return { requestedMessage = cmd.params.requestedMessage, connectorId = connector(cmd) }
  end },
  setProfile = { action = "SetChargingProfile", confirm = "meter", build = function(cmd)
    local made = profile(cmd)
    if not made then return nil, "params.limitA, params.limitW or params.csChargingProfiles is needed" end
    return { connectorId = connector(cmd) or 0, csChargingProfiles = made }
  end },
  clearProfile = { action = "ClearChargingProfile", build = function(cmd)
    return { id = math.tointeger(cmd.params.profileId), connectorId = connector(cmd),
             chargingProfilePurpose = cmd.params.purpose, stackLevel = math.tointeger(cmd.params.stackLevel) }
  end, read = function(answer)
    return answer.status == "Accepted" and "accepted" or "rejected", answer.status
  end },
  getComposite = { action = "GetCompositeSchedule", build = function(cmd)
    return { connectorId = connector(cmd) or 0, duration = math.tointeger(cmd.params.duration) or 3600,
             chargingRateUnit = cmd.params.unit }
  end, keep = true },
  raw = { build = function(cmd)
    if type(cmd.params.action) ~= "string" then return nil, "params.action is needed" end
    return cmd.params.payload or {}
  end, read = function(answer)
    if type(answer.status) == "string" then return M.read_status(answer) end
    return "accepted", nil
  end, keep = true },
}

-- Commands of the contract that OCPP 1.6 stations have and this gateway does not send yet.
M.later = { sendLocalList = true, reserve = true, cancelReservation = true, updateFirmware = true, getLog = true,
            dataTransfer = true }

return M
