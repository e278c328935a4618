-- profile.lua - charging profiles of OCPP 1.6 that leave this gateway: built from a limit, or checked.
--
-- What we send must pass the official schema and mean something to a station (first period at 0, limits with
-- one decimal, purposes where they are allowed: ocpp.md 1.4). A refusal names the field.

local M = {}

local PURPOSES = { ChargePointMaxProfile = true, TxDefaultProfile = true, TxProfile = true }
local KINDS = { Absolute = true, Recurring = true, Relative = true }
local RECURRENCES = { Daily = true, Weekly = true }

--- Limits are sent with at most one decimal, rounded down: never more than was asked for.
function M.one_decimal(number)
  local tenths = math.floor(number * 10 + 1e-6)
  return tenths % 10 == 0 and tenths // 10 or tenths / 10
end

local function integer(value, least) return math.type(value) == "integer" and value >= least end

local function check_period(period, at)
  if type(period) ~= "table" then return nil, at .. " is not an object" end
  if not integer(period.startPeriod, 0) then return nil, at .. ".startPeriod: expected an integer >= 0 (seconds)" end
  if type(period.limit) ~= "number" or period.limit < 0 or period.limit ~= period.limit or period.limit > 1e7 then
    return nil, at .. ".limit: expected a number >= 0"
  end
  local phases = period.numberPhases
  if phases ~= nil and not (integer(phases, 1) and phases <= 3) then
    return nil, at .. ".numberPhases: expected 1, 2 or 3"
  end
  return { startPeriod = period.startPeriod, limit = M.one_decimal(period.limit), numberPhases = phases }
end

local function check_schedule(schedule)
  if type(schedule) ~= "table" then return nil, "chargingSchedule is needed" end
  if schedule.chargingRateUnit ~= "A" and schedule.chargingRateUnit ~= "W" then
    return nil, "chargingSchedule.chargingRateUnit: expected A or W"
  end
  local periods = schedule.chargingSchedulePeriod
  if type(periods) ~= "table" or #periods == 0 or #periods > 1000 then
    return nil, "chargingSchedule.chargingSchedulePeriod: expected 1 to 1000 periods"
  end
  local made, before = {}, -1
  for i, period in ipairs(periods) do
    local one, why = check_period(period, ("chargingSchedulePeriod[%d]"):format(i))
    if not one then return nil, why end
    if i == 1 and one.startPeriod ~= 0 then return nil, "chargingSchedulePeriod[1].startPeriod must be 0" end
    if one.startPeriod <= before then return nil, "the periods must be in ascending order of startPeriod" end
    before, made[i] = one.startPeriod, one
  end
  if schedule.duration ~= nil and not integer(schedule.duration, 1) then
    return nil, "chargingSchedule.duration: expected an integer >= 1 (seconds)"
  end
  local rate = schedule.minChargingRate
  if rate ~= nil and (type(rate) ~= "number" or rate < 0) then return nil, "minChargingRate: expected a number >= 0" end
  return { chargingRateUnit = schedule.chargingRateUnit, chargingSchedulePeriod = made, duration = schedule.duration,
           startSchedule = type(schedule.startSchedule) == "string" and schedule.startSchedule or nil,
           minChargingRate = rate and M.one_decimal(rate) or nil }
end

local function text_time(value) return type(value) == "string" and value or nil end

--- A whole profile as given. Returns a clean copy, or nil and what is wrong.
function M.check(given, connector)
  if type(given) ~= "table" then return nil, "the charging profile is not an object" end
  if not integer(given.chargingProfileId, 0) then return nil, "chargingProfileId: expected an integer >= 0" end
  if not integer(given.stackLevel, 0) then return nil, "stackLevel: expected an integer >= 0" end
  local purpose = given.chargingProfilePurpose
  if not PURPOSES[purpose] then
    return nil, "chargingProfilePurpose: expected ChargePointMaxProfile, TxDefaultProfile or TxProfile"
  end
  if purpose == "ChargePointMaxProfile" and connector and connector ~= 0 then
    return nil, "ChargePointMaxProfile is for the whole station: connectorId 0"
  end
  if purpose == "TxProfile" and connector == 0 then return nil, "TxProfile is for one connector: connectorId > 0" end
  if not KINDS[given.chargingProfileKind] then
    return nil, "chargingProfileKind: expected Absolute, Recurring or Relative"
  end
  if given.recurrencyKind ~= nil and not RECURRENCES[given.recurrencyKind] then
    return nil, "recurrencyKind: expected Daily or Weekly"
  end
  local schedule, why = check_schedule(given.chargingSchedule)
  if not schedule then return nil, why end
  return { chargingProfileId = given.chargingProfileId, stackLevel = given.stackLevel,
           transactionId = integer(given.transactionId, 1) and given.transactionId or nil,
           chargingProfilePurpose = purpose, chargingProfileKind = given.chargingProfileKind,
           recurrencyKind = given.recurrencyKind, validFrom = text_time(given.validFrom),
           validTo = text_time(given.validTo), chargingSchedule = schedule }
end

--- A profile with one limit: params.limitA or params.limitW, params.numberPhases, purpose, stackLevel, profileId.
function M.from_limit(params, connector, transaction)
  local limit, unit = tonumber(params.limitA), "A"
  if not limit then limit, unit = tonumber(params.limitW), "W" end
  if not limit then return nil, "params.limitA, params.limitW or params.csChargingProfiles is needed" end
  local purpose = params.purpose or (connector == 0 and "ChargePointMaxProfile" or "TxDefaultProfile")
  return M.check({
    chargingProfileId = params.profileId or 1, stackLevel = params.stackLevel or 0,
    transactionId = purpose == "TxProfile" and transaction or nil, chargingProfilePurpose = purpose,
    chargingProfileKind = "Absolute",
    chargingSchedule = { chargingRateUnit = unit, startSchedule = params.startSchedule, duration = params.duration,
                         chargingSchedulePeriod = { { startPeriod = 0, limit = limit,
                                                      numberPhases = params.numberPhases } } },
  }, connector)
end

return M
