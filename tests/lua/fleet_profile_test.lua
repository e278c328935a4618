-- fleet_profile_test.lua - charging profiles of the fleet's stations: which limit follows.

require "support.fleet"
local profile = require "profile"

local NOW = 1767225600000

local function make(id, purpose, level, limit, more)
  local one = { chargingProfileId = id, stackLevel = level, chargingProfilePurpose = purpose,
                chargingProfileKind = "Absolute",
                chargingSchedule = { chargingRateUnit = "A",
                                     chargingSchedulePeriod = { { startPeriod = 0, limit = limit } } } }
  for name, value in pairs(more or {}) do one[name] = value end
  return one
end

local function limit(set, at_ms, phases, sharing)
  return set:limit_a(1, 32, phases or 3, sharing or 1, at_ms or NOW, NOW)
end

return {
  { "no profile: the station's own maximum", function(t) t.equal(limit(profile.new()), 32) end },
  { "the lowest over the purposes", function(t)
    local set = profile.new()
    t.ok(set:set(0, make(1, "ChargePointMaxProfile", 0, 20), nil, NOW))
    t.ok(set:set(1, make(2, "TxDefaultProfile", 0, 12), nil, NOW))
    t.equal(limit(set), 12)
    t.ok(set:set(1, make(3, "TxProfile", 0, 25), 7, NOW))
    t.equal(limit(set), 20, "a TxProfile takes the place of the default")
    t.equal(limit(set, NOW, 3, 2), 10, "two connectors share the station's maximum")
    set:end_transaction(1)
    t.equal(limit(set), 12)
  end },
  { "the highest stack level that is valid now", function(t)
    local set = profile.new()
    set:set(1, make(1, "TxDefaultProfile", 0, 20), nil, NOW)
    set:set(1, make(2, "TxDefaultProfile", 3, 9, { validTo = "2026-01-01T01:00:00Z" }), nil, NOW)
    t.equal(limit(set), 9)
    t.equal(limit(set, NOW + 3600000), 20, "after its end the lower one")
  end },
  { "same purpose, level and connector: the newer one", function(t)
    local set = profile.new()
    set:set(1, make(1, "TxDefaultProfile", 0, 20), nil, NOW)
    set:set(1, make(9, "TxDefaultProfile", 0, 15), nil, NOW)
    t.equal(#set.list, 1)
    t.equal(limit(set), 15)
  end },
  { "a schedule steps, and ends with its duration", function(t)
    local set = profile.new()
    set:set(1, make(1, "TxDefaultProfile", 0, 0, { chargingSchedule = {
      chargingRateUnit = "A", duration = 600, startSchedule = "2026-01-01T00:00:00Z",
      chargingSchedulePeriod = { { startPeriod = 0, limit = 16 }, { startPeriod = 60, limit = 8 } } } }), nil, NOW)
    t.equal(limit(set), 16)
    t.equal(limit(set, NOW + 60000), 8)
    t.equal(limit(set, NOW + 600000), 32)
  end },
  { "watts become amperes of the phases in use", function(t)
    local set = profile.new()
    set:set(1, make(1, "TxDefaultProfile", 0, 0, { chargingSchedule = {
      chargingRateUnit = "W", chargingSchedulePeriod = { { startPeriod = 0, limit = 6900 } } } }), nil, NOW)
    t.equal(limit(set), 10)
    t.equal(limit(set, NOW, 1), 30)
  end },
  { "what a station refuses", function(t)
    local set = profile.new()
    local function refused(connector, one, tx) t.ok(not set:set(connector, one, tx, NOW)) end
    refused(1, make(1, "ChargePointMaxProfile", 0, 10))
    refused(1, make(1, "TxProfile", 0, 10))
    refused(1, make(1, "TxProfile", 0, 10, { transactionId = 5 }), 6)
    refused(1, make(1, "TxDefaultProfile", 99, 10))
    refused(1, make(1, "TxDefaultProfile", 0, -1))
    refused(1, make(1, "TxDefaultProfile", 0, 10, { chargingSchedule = {
      chargingRateUnit = "A", chargingSchedulePeriod = { { startPeriod = 120, limit = 10 } } } }))
    t.equal(#set.list, 0)
  end },
  { "clear: by id, by purpose, or all", function(t)
    local set = profile.new()
    set:set(1, make(1, "TxDefaultProfile", 0, 20), nil, NOW)
    set:set(1, make(2, "TxDefaultProfile", 1, 10), nil, NOW)
    set:set(0, make(3, "ChargePointMaxProfile", 0, 18), nil, NOW)
    t.equal(set:clear(2), 1)
    t.equal(limit(set), 18)
    t.equal(set:clear(nil, nil, "ChargePointMaxProfile"), 1)
    t.equal(limit(set), 20)
    t.equal(set:clear(nil, nil, "TxProfile"), 0)
    t.equal(set:clear(), 1)
    t.equal(limit(set), 32)
  end },
}
