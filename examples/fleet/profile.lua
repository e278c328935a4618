-- profile.lua - the charging profiles of one station, and the limit that follows from them.
--
-- OCPP 1.6 3.13: within a purpose the highest stack level that is valid now wins; a TxProfile takes the
-- place of the TxDefaultProfile; the result is the lowest over the purposes. Same purpose, stack level and
-- connector: the newer one replaces the older. Limits in W become A by the phases in use.

local time = require "kw.time"

local M = {}
M.__index = M

M.STACK_LEVEL_MAX = 8
M.PERIODS_MAX = 24
M.INSTALLED_MAX = 20
local VOLTS = 230

function M.new() return setmetatable({ list = {} }, M) end

local function moment(text)
  if text == nil then return nil, true end
  local ms = type(text) == "string" and time.parse(text) or nil
  return ms, ms ~= nil
end

local function bad(profile, connector_id, transaction_id)
  local schedule = profile.chargingSchedule
  local purpose = profile.chargingProfilePurpose
  local level = profile.stackLevel
  if type(schedule) ~= "table" or type(schedule.chargingSchedulePeriod) ~= "table" then return "no schedule" end
  local periods = schedule.chargingSchedulePeriod
  if #periods == 0 or #periods > M.PERIODS_MAX then return "number of periods" end
  if periods[1].startPeriod ~= 0 then return "the first period must start at 0" end
  for i, period in ipairs(periods) do
    if type(period.limit) ~= "number" or period.limit < 0 then return "limit" end
    if i > 1 and period.startPeriod <= periods[i - 1].startPeriod then return "order of periods" end
  end
  if schedule.chargingRateUnit ~= "A" and schedule.chargingRateUnit ~= "W" then return "unit" end
  if type(level) ~= "number" or level < 0 or level > M.STACK_LEVEL_MAX then return "stack level" end
  if purpose == "ChargePointMaxProfile" then
    if connector_id ~= 0 then return "ChargePointMaxProfile is for connector 0" end
  elseif purpose == "TxProfile" then
    if connector_id == 0 or not transaction_id then return "TxProfile needs a running transaction" end
    if profile.transactionId and profile.transactionId ~= transaction_id then return "another transaction" end
  elseif purpose ~= "TxDefaultProfile" then
    return "purpose"
  end
  return nil
end

--- Install one. `transaction_id`: of the connector's running transaction, or nil.
---@return boolean accepted, string|nil why_not
function M:set(connector_id, profile, transaction_id, now_ms)
  local why = bad(profile, connector_id, transaction_id)
  if why then return false, why end
  local schedule = profile.chargingSchedule
  local from, from_ok = moment(profile.validFrom)
  local to, to_ok = moment(profile.validTo)
  local start, start_ok = moment(schedule.startSchedule)
  if not (from_ok and to_ok and start_ok) then return false, "time" end
  local entry = {
    id = profile.chargingProfileId, connector_id = connector_id, purpose = profile.chargingProfilePurpose,
    level = profile.stackLevel, kind = profile.chargingProfileKind, recurrency = profile.recurrencyKind,
    from_ms = from, to_ms = to, start_ms = start or now_ms, duration_s = schedule.duration,
    unit = schedule.chargingRateUnit, periods = schedule.chargingSchedulePeriod, transaction_id = transaction_id,
  }
  for i, old in ipairs(self.list) do
    local same_place = old.purpose == entry.purpose and old.level == entry.level
      and old.connector_id == entry.connector_id
    if old.id == entry.id or same_place then
      self.list[i] = entry
      return true
    end
  end
  if #self.list >= M.INSTALLED_MAX then return false, "too many profiles" end
  self.list[#self.list + 1] = entry
  return true
end

--- Remove by id, or by connector, purpose and level (each nil: any). Returns how many went.
function M:clear(id, connector_id, purpose, level)
  local kept, gone = {}, 0
  for _, entry in ipairs(self.list) do
    local match
    if id then
      match = entry.id == id
    else
      match = (not connector_id or entry.connector_id == connector_id) and (not purpose or entry.purpose == purpose)
        and (not level or entry.level == level)
    end
    if match then gone = gone + 1 else kept[#kept + 1] = entry end
  end
  self.list = kept
  return gone
end

--- A transaction is over: its TxProfile goes with it.
function M:end_transaction(connector_id)
  local kept = {}
  for _, entry in ipairs(self.list) do
    if entry.purpose ~= "TxProfile" or entry.connector_id ~= connector_id then kept[#kept + 1] = entry end
  end
  self.list = kept
end

-- Seconds into the schedule, or nil when it does not apply now.
local function into(entry, now_ms, started_ms)
  if entry.from_ms and now_ms < entry.from_ms or entry.to_ms and now_ms >= entry.to_ms then return nil end
  local at_s = (now_ms - entry.start_ms) / 1000
  if entry.kind == "Relative" then
    at_s = (now_ms - (started_ms or now_ms)) / 1000
  elseif entry.kind == "Recurring" then
    at_s = at_s % (entry.recurrency == "Weekly" and 604800 or 86400)
  end
  if at_s < 0 or entry.duration_s and at_s >= entry.duration_s then return nil end
  return at_s
end

local function limit_a(entry, at_s, phases)
  local found = entry.periods[1]
  for _, period in ipairs(entry.periods) do
    if period.startPeriod <= at_s then found = period end
  end
  if entry.unit == "A" then return found.limit end
  return found.limit / (VOLTS * math.min(phases, found.numberPhases or phases))
end

local function of_purpose(self, purpose, connector_id, phases, now_ms, started_ms)
  local best, limit = nil, nil
  for _, entry in ipairs(self.list) do
    if entry.purpose == purpose and (entry.connector_id == connector_id or entry.connector_id == 0)
      and (not best or entry.level > best.level
           or entry.level == best.level and entry.connector_id > best.connector_id) then
      local at_s = into(entry, now_ms, started_ms)
      if at_s then best, limit = entry, limit_a(entry, at_s, phases) end
    end
  end
  return limit
end

--- The current that a connector may offer per phase: the station's own maximum or less.
---@param maximum_a number
---@param phases integer         phases in use, for limits in W
---@param sharing integer        connectors that charge now and share the station's maximum
---@param started_ms integer|nil start of the transaction
function M:limit_a(connector_id, maximum_a, phases, sharing, now_ms, started_ms)
  if #self.list == 0 then return maximum_a end
  local limit = maximum_a
  local station = of_purpose(self, "ChargePointMaxProfile", 0, phases, now_ms, started_ms)
  if station then limit = math.min(limit, station / math.max(1, sharing)) end
  local own = of_purpose(self, "TxProfile", connector_id, phases, now_ms, started_ms)
    or of_purpose(self, "TxDefaultProfile", connector_id, phases, now_ms, started_ms)
  if own then limit = math.min(limit, own) end
  return limit
end

return M
