-- ocpp_commands_test.lua - what an order becomes on the wire, and what an answer means.

local json = require "kw.json"
local profile = require "ocpp.v16.profile"
local v16 = require "ocpp.v16.commands"

local function build(command, params, connector, tx)
  return v16.build { command = command, params = params or {}, connector = connector, tx = tx }
end

local function refused(t, pattern, ...)
  local action, why = build(...)
  t.ok(action == nil and tostring(why):find(pattern, 1, true), ("%s: %s"):format(pattern, tostring(why)))
end

return {
  { "limits leave with one decimal, never above what was asked", function(t)
    t.equal({ profile.one_decimal(16.1), profile.one_decimal(16.19), profile.one_decimal(6), profile.one_decimal(0.3) },
            { 16.1, 16.1, 6, 0.3 })
    t.equal(json.encode(profile.one_decimal(16.1)), "16.1")
    t.equal(math.type(profile.one_decimal(32.0)), "integer")
  end },
  { "a limit for the station, for a connector, for a transaction", function(t)
    local _, payload = build("setProfile", { limitW = 5000 })
    t.equal({ payload.connectorId, payload.csChargingProfiles.chargingProfilePurpose }, { 0, "ChargePointMaxProfile" })
    _, payload = build("setProfile", { limitA = 10 }, 2)
    t.equal({ payload.connectorId, payload.csChargingProfiles.chargingProfilePurpose }, { 2, "TxDefaultProfile" })
    _, payload = build("setProfile", { limitA = 10, purpose = "TxProfile" }, 2, 7)
    t.equal(payload.csChargingProfiles.transactionId, 7)
    refused(t, "limitA", "setProfile", {})
    refused(t, "limit", "setProfile", { limitA = -1 }, 1)
    refused(t, "numberPhases", "setProfile", { limitA = 6, numberPhases = 4 }, 1)
    refused(t, "whole station", "setProfile", { limitA = 6, purpose = "ChargePointMaxProfile" }, 1)
    refused(t, "for one connector", "setProfile", { limitA = 6, purpose = "TxProfile" }, 0)
    refused(t, "chargingProfilePurpose", "setProfile", { limitA = 6, purpose = "Whatever" }, 1)
  end },
  { "a whole profile is checked", function(t)
    local good = { chargingProfileId = 1, stackLevel = 0, chargingProfilePurpose = "TxDefaultProfile",
                   chargingProfileKind = "Recurring", recurrencyKind = "Daily", chargingSchedule = {
                     chargingRateUnit = "A", chargingSchedulePeriod = { { startPeriod = 0, limit = 6 } } } }
    t.ok(profile.check(good, 1))
    local function without(change)
      local copy = json.decode(json.encode(good))
      change(copy)
      return select(2, profile.check(copy, 1))
    end
    t.equal(without(function(p) p.chargingSchedule.chargingSchedulePeriod = {} end),
            "chargingSchedule.chargingSchedulePeriod: expected 1 to 1000 periods")
    t.equal(without(function(p) p.chargingSchedule.chargingRateUnit = "kW" end),
            "chargingSchedule.chargingRateUnit: expected A or W")
    t.equal(without(function(p) p.recurrencyKind = "Yearly" end), "recurrencyKind: expected Daily or Weekly")
    t.equal(without(function(p) p.stackLevel = 1.5 end), "stackLevel: expected an integer >= 0")
    t.equal(without(function(p)
      p.chargingSchedule.chargingSchedulePeriod[2] = { startPeriod = 0, limit = 1 }
    end), "the periods must be in ascending order of startPeriod")
  end },
  { "JSON null is not given", function(t)
    local action, payload = build("remoteStart", { idTag = "A", chargingProfile = json.null })
    t.equal({ action, payload }, { "RemoteStartTransaction", { idTag = "A" } })
  end },
  { "orders that cannot be sent name the field", function(t)
    refused(t, "params.idTag", "remoteStart", {})
    refused(t, "params.idTag", "remoteStart", { idTag = 5 })
    refused(t, "connectorId", "remoteStart", { idTag = "A" }, 0)
    refused(t, "txId", "remoteStop")
    refused(t, "Soft, Hard", "reset", { type = "Warm" })
    refused(t, "params.value", "setConfig", { key = "A" })
    refused(t, "params.key", "getConfig", { key = { 5 } })
    refused(t, "requestedMessage", "trigger", { requestedMessage = "Everything" })
    refused(t, "listVersion", "sendLocalList", {})
    refused(t, "params.list[1]", "sendLocalList", { listVersion = 1, list = { 5 } })
    refused(t, "expiryDate", "reserve", { idTag = "A", reservationId = 1, expiryDate = "soon" })
    refused(t, "reservationId", "cancelReservation", {})
    refused(t, "retrieveDate", "updateFirmware", { location = "x" })
    refused(t, "vendorId", "dataTransfer", {})
    refused(t, "params.action", "raw", {})
    refused(t, "params.payload", "raw", { action = "Reset", payload = { 1 } })
    refused(t, "unknown command", "fly")
  end },
  { "answers", function(t)
    t.equal({ v16.read("reset", { status = "Accepted" }) }, { "accepted", "Accepted" })
    t.equal({ v16.read("unlock", { status = "UnlockFailed" }) }, { "rejected", "UnlockFailed" })
    t.equal({ v16.read("unlock", { status = "Maybe" }) }, { "error", "Maybe" })
    t.equal({ v16.read("unlock", {}) }, { "error", nil })
    t.equal({ v16.read("unlock", 5) }, { "error", nil })
    t.equal({ v16.read("getConfig", { unknownKey = {} }) }, { "error", nil })
    t.equal({ v16.read("updateFirmware", {}) }, { "accepted", nil })
    t.equal({ v16.read("raw", {}) }, { "accepted", nil })
    t.equal({ v16.read("changeAvailability", { status = "Scheduled" }) }, { "scheduled", "Scheduled" })
  end },
  { "every command of the contract can be built or says what it lacks", function(t)
    for command in ("remoteStart remoteStop reset unlock changeAvailability setConfig getConfig trigger setProfile "
      .. "clearProfile getComposite sendLocalList reserve cancelReservation updateFirmware getLog dataTransfer raw")
      :gmatch("%S+") do
      local action, what = build(command)
      t.ok(action or type(what) == "string", command)
      t.ok(v16.table[command], command)
    end
  end },
}
