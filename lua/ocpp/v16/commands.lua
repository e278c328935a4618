-- commands.lua - the contract's commands in OCPP 1.6 words: request, meaning of the answer, and what
-- confirms it later.
--
-- Each entry: action, build(cmd) -> payload | nil, "why not"; read(answer) -> state, ocppStatus (default:
-- by `status`); confirm: what the station must show afterwards (contract 5, `effect`); keep: the answer is
-- kept with the command. cmd = {connector, tx, params}: integers or nil, params without JSON nulls.
-- What is built passes the official schemas; what cannot is refused here, with the field's name.

local json = require "kw.json"
local parse = require "ocpp.parse"
local profile = require "ocpp.v16.profile"

local M = {}

local ACCEPT = { Accepted = "accepted", Rejected = "rejected", NotSupported = "notSupported",
                 NotImplemented = "notSupported", Scheduled = "scheduled", RebootRequired = "rebootRequired",
                 Unlocked = "accepted", UnlockFailed = "rejected", Failed = "rejected",
                 VersionMismatch = "rejected", Occupied = "rejected", Faulted = "rejected",
                 Unavailable = "rejected", UnknownMessageId = "notSupported", UnknownVendorId = "notSupported" }

--- State of the command for an answer with `status`.
function M.read_status(answer)
  local status = type(answer) == "table" and answer.status
  return ACCEPT[status] or "error", type(status) == "string" and status or nil
end

local function done() return "accepted", nil end

local function text(params, name, max, optional)
  local value = params[name]
  if value == nil and optional then return nil end
  if type(value) ~= "string" or value == "" then error({ why = ("params.%s is needed: a text"):format(name) }) end
  if #value > max then error({ why = ("params.%s: at most %d characters"):format(name, max) }) end
  return value
end

local function one_of(params, name, words, default)
  local value = params[name] == nil and default or params[name]
  for word in words:gmatch("%S+") do
    if value == word then return value end
  end
  error({ why = ("params.%s: expected one of %s"):format(name, words:gsub(" ", ", ")) })
end

local function integer(params, name, least, default)
  local value = params[name]
  if value == nil then return default end
  value = math.tointeger(tonumber(value))
  if not value or value < least then error({ why = ("params.%s: expected an integer >= %d"):format(name, least) }) end
  return value
end

local function moment(params, name, needed)
  local value = params[name]
  if value == nil and not needed then return nil end
  if type(value) ~= "string" or not require("kw.time").parse(value) then
    error({ why = ("params.%s: expected a time, as in 2026-01-01T00:00:00Z"):format(name) })
  end
  return value
end

local function connector(cmd, least, default)
  local value = cmd.connector or default
  if value and value < least then error({ why = ("connectorId: expected an integer >= %d"):format(least) }) end
  return value
end

local function made(value, why)
  if not value then error({ why = why }) end
  return value
end

local function tag(params, name) return text(params, name, 20) end

local TRIGGERS = "BootNotification DiagnosticsStatusNotification FirmwareStatusNotification Heartbeat MeterValues "
  .. "StatusNotification"

local function local_list(params)
  local list = {}
  for i, entry in ipairs(type(params.list) == "table" and params.list or {}) do
    if type(entry) ~= "table" then error({ why = ("params.list[%d]: expected {idTag, idTagInfo?}"):format(i) }) end
    local info
    if type(entry.idTagInfo) == "table" then
      info = { status = one_of(entry.idTagInfo, "status", "Accepted Blocked Expired Invalid ConcurrentTx"),
               expiryDate = moment(entry.idTagInfo, "expiryDate"),
               parentIdTag = text(entry.idTagInfo, "parentIdTag", 20, true) }
    end
    list[i] = { idTag = tag(entry, "idTag"), idTagInfo = info }
  end
  return #list > 0 and list or nil
end

local BUILD = {}

function BUILD.remoteStart(cmd, p)
  local own = p.chargingProfile
  local con = connector(cmd, 1)
  return { idTag = tag(p, "idTag"), connectorId = con,
           chargingProfile = own and made(profile.check(own, con)) or nil }
end

function BUILD.remoteStop(cmd)
  if not cmd.tx then error({ why = "txId is needed: the transaction's number" }) end
  return { transactionId = cmd.tx }
end

function BUILD.reset(_, p) return { type = one_of(p, "type", "Soft Hard", "Soft") } end
function BUILD.unlock(cmd) return { connectorId = connector(cmd, 1, 1) } end

function BUILD.changeAvailability(cmd, p)
  return { connectorId = connector(cmd, 0, 0), type = one_of(p, "type", "Inoperative Operative") }
end

function BUILD.setConfig(_, p)
  local value = p.value
  if value == nil then error({ why = "params.value is needed" }) end
  value = tostring(value)
  if #value > 500 then error({ why = "params.value: at most 500 characters" }) end
  return { key = text(p, "key", 50), value = value }
end

function BUILD.getConfig(_, p)
  local keys = {}
  local given = type(p.key) == "string" and { p.key } or p.key
  for i, key in ipairs(type(given) == "table" and given or {}) do
    if type(key) ~= "string" or #key > 50 then error({ why = ("params.key[%d]: at most 50 characters"):format(i) }) end
    keys[i] = key
  end
  return { key = #keys > 0 and keys or nil }
end

function BUILD.trigger(cmd, p)
  return { requestedMessage = one_of(p, "requestedMessage", TRIGGERS), connectorId = connector(cmd, 1) }
end

function BUILD.setProfile(cmd, p)
  local con = connector(cmd, 0, 0)
  if p.csChargingProfiles then
    return { connectorId = con, csChargingProfiles = made(profile.check(p.csChargingProfiles, con)) }
  end
  return { connectorId = con, csChargingProfiles = made(profile.from_limit(p, con, cmd.tx)) }
end

function BUILD.clearProfile(cmd, p)
  return { id = integer(p, "profileId", 0), connectorId = connector(cmd, 0), stackLevel = integer(p, "stackLevel", 0),
           chargingProfilePurpose = p.purpose
             and one_of(p, "purpose", "ChargePointMaxProfile TxDefaultProfile TxProfile") or nil }
end

function BUILD.getComposite(cmd, p)
  return { connectorId = connector(cmd, 0, 0), duration = integer(p, "duration", 1, 3600),
           chargingRateUnit = p.unit and one_of(p, "unit", "A W") or nil }
end

function BUILD.sendLocalList(_, p)
  return { listVersion = integer(p, "listVersion", 0) or error({ why = "params.listVersion is needed" }),
           updateType = one_of(p, "updateType", "Full Differential", "Full"), localAuthorizationList = local_list(p) }
end

function BUILD.reserve(cmd, p)
  return { connectorId = connector(cmd, 0, 0), expiryDate = moment(p, "expiryDate", true), idTag = tag(p, "idTag"),
           parentIdTag = text(p, "parentIdTag", 20, true),
           reservationId = integer(p, "reservationId", 0) or error({ why = "params.reservationId is needed" }) }
end

function BUILD.cancelReservation(_, p)
  return { reservationId = integer(p, "reservationId", 0) or error({ why = "params.reservationId is needed" }) }
end

function BUILD.updateFirmware(_, p)
  return { location = text(p, "location", 2048), retrieveDate = moment(p, "retrieveDate", true),
           retries = integer(p, "retries", 0), retryInterval = integer(p, "retryInterval", 0) }
end

function BUILD.getLog(_, p)
  return { location = text(p, "location", 2048), startTime = moment(p, "startTime"), stopTime = moment(p, "stopTime"),
           retries = integer(p, "retries", 0), retryInterval = integer(p, "retryInterval", 0) }
end

function BUILD.dataTransfer(_, p)
  return { vendorId = text(p, "vendorId", 255), messageId = text(p, "messageId", 50, true),
           data = text(p, "data", 65536, true) }
end

function BUILD.raw(_, p)
  text(p, "action", 64)
  if p.payload ~= nil and (type(p.payload) ~= "table" or #p.payload > 0) then
    error({ why = "params.payload: expected an object" })
  end
  return p.payload or {}
end

local function if_table(field)
  return function(answer)
    return type(answer[field]) == "table" and "accepted" or "error", nil
  end
end

local function raw_read(answer)
  if type(answer.status) == "string" then return M.read_status(answer) end
  return "accepted", nil
end

M.table = {
  remoteStart = { action = "RemoteStartTransaction", confirm = "start" },
  remoteStop = { action = "RemoteStopTransaction", confirm = "stop" },
  reset = { action = "Reset", confirm = "boot" },
  unlock = { action = "UnlockConnector" },
  changeAvailability = { action = "ChangeAvailability", confirm = "availability" },
  setConfig = { action = "ChangeConfiguration" },
  getConfig = { action = "GetConfiguration", read = if_table("configurationKey"), keep = true },
  trigger = { action = "TriggerMessage" },
  setProfile = { action = "SetChargingProfile", confirm = "limit" },
  clearProfile = { action = "ClearChargingProfile" },
  getComposite = { action = "GetCompositeSchedule", keep = true },
  sendLocalList = { action = "SendLocalList" },
  reserve = { action = "ReserveNow" },
  cancelReservation = { action = "CancelReservation" },
  updateFirmware = { action = "UpdateFirmware", read = done },
  getLog = { action = "GetDiagnostics", read = done, keep = true },
  dataTransfer = { action = "DataTransfer", keep = true },
  raw = { read = raw_read, keep = true },
}

-- JSON null is "not given", at every depth.
local function without_nulls(value)
  if type(value) ~= "table" then return value ~= json.null and value or nil end
  local copy = {}
  for name, item in pairs(value) do copy[name] = without_nulls(item) end
  return copy
end

--- OCPP action and payload of a command. nil, why not.
---@param cmd table  {command, connector?, tx?, params}
function M.build(cmd)
  local entry, builder = M.table[cmd.command], BUILD[cmd.command]
  if not entry then return nil, "unknown command" end
  local params = without_nulls(cmd.params)
  local ok, payload = pcall(builder, cmd, params)
  if not ok then
    if type(payload) ~= "table" then error(payload, 0) end
    return nil, payload.why
  end
  return entry.action or params.action, payload
end

--- Meaning of an answer: state, the station's own word.
function M.read(command, answer)
  local entry = M.table[command]
  if type(answer) ~= "table" then return "error", nil end
  return (entry.read or M.read_status)(answer)
end

--- Limit of a profile that the station took, for the live model: {limitA|limitW} | nil (several periods).
function M.limit_of(payload)
  local schedule = payload.csChargingProfiles and payload.csChargingProfiles.chargingSchedule
  local periods = schedule and schedule.chargingSchedulePeriod
  if not periods or #periods ~= 1 then return nil end
  local limit = parse.number(periods[1].limit)
  return limit and (schedule.chargingRateUnit == "A" and { limitA = limit } or { limitW = limit })
end

return M
