-- ocpp_handlers_test.lua - boot, status, authorise and the rest: answers, events, keys.

local actions = require "ocpp.v16.actions"
local json = require "kw.json"
local record_module = require "ocpp.record"
local world_module = require "support.ocpp"

return {
  { "a boot is accepted and told; one that we asked for is marked", function(t)
    local world = world_module.new()
    local answer = world.message("BootNotification", { chargePointVendor = "V", chargePointModel = 5,
      firmwareVersion = json.null })
    t.equal({ answer.status, answer.interval, answer.currentTime }, { "Accepted", 300, "2027-01-15T08:00:00.000Z" })
    t.equal(world.of("station.boot")[1].d, { vendor = "V", model = "5", solicited = 0 })
    t.ok(world.station.ready)
    world.sessions:expect_boot("EV-1", world.now)
    world.message("BootNotification", {})
    t.equal(world.of("station.boot")[2].d.solicited, 1)
    world.message("BootNotification", {})
    t.equal(world.of("station.boot")[3].d.solicited, 0, "once")
    world.sessions:expect_boot("EV-1", world.now)
    world.now = world.now + 3600000
    world.message("BootNotification", {})
    t.equal(world.of("station.boot")[4].d.solicited, 0, "an hour later it is its own")
  end },
  { "a boot ends no transaction", function(t)
    local world = world_module.new()
    world.start(0)
    world.message("BootNotification", {})
    t.ok(world.state:active_transaction("EV-1", 1))
  end },
  { "status: of a connector, of the station, of nonsense", function(t)
    local world = world_module.new()
    world.message("StatusNotification", { connectorId = 1, status = "SuspendedEV", errorCode = "NoError",
      timestamp = world.at() })
    local event = world.of("connector.status")[1]
    t.equal({ event.d.state, event.set[1][1], event.set[1][4].status }, { "suspendedEV", "conn:EV-1:1:1",
      "SuspendedEV" })
    t.ok(world.station.reported)
    world.message("StatusNotification", { connectorId = 0, status = "Available", errorCode = "LocalListConflict" })
    t.equal(world.of("station.status")[1].set[1][1], "station:EV-1")
    world.message("StatusNotification", { connectorId = -7, status = {}, errorCode = 5 })
    t.equal(world.of("station.status")[2].d.state, "unknown")
    world.start(0)
    world.message("StatusNotification", { connectorId = 1, status = "Available", errorCode = "NoError",
      timestamp = world.at() })
    t.ok(world.state:active_transaction("EV-1", 1), "status never ends a transaction")
  end },
  { "the same status again has the same key", function(t)
    local world = world_module.new()
    local request = { connectorId = 1, status = "Charging", errorCode = "NoError", timestamp = world.at() }
    world.message("StatusNotification", request)
    world.message("StatusNotification", request)
    local events = world.of("connector.status")
    t.equal(events[1].k, events[2].k)
  end },
  { "a heartbeat writes no event", function(t)
    local world = world_module.new()
    t.equal(world.message("Heartbeat", {}), { currentTime = "2027-01-15T08:00:00.000Z" })
    t.equal({ #world.events, world.record:dirty() }, { 0, false })
    t.equal(world.hashes["EV-1"].lastHeartbeatTs, world.now)
  end },
  { "an authorisation is told with its outcome", function(t)
    local world = world_module.new { tags = { ABC = { status = "Blocked", parentIdTag = "G" } } }
    t.equal(world.message("Authorize", { idTag = "abc" }), { idTagInfo = { status = "Blocked", parentIdTag = "G" } })
    t.equal(world.of("auth.request")[1].d, { idToken = "ABC", type = "Local", status = "Blocked", groupIdToken = "G" })
  end },
  { "a remote start is matched by tag and connector, once, for a while", function(t)
    local world = world_module.new()
    world.sessions:expect_start("EV-1", 2, "ABC", "cmd-1", world.now)
    world.start(0)
    t.equal(world.of("tx.started")[1].d.remoteStartId, nil, "another connector")
    world.start(0, { connectorId = 2 })
    t.equal(world.of("tx.started")[2].d.remoteStartId, "cmd-1")
    world.start(0, { connectorId = 2, timestamp = world.at(1) })
    t.equal(world.of("tx.started")[3].d.remoteStartId, nil, "once")
    world.sessions:expect_start("EV-1", nil, "ABC", "cmd-2", world.now)
    world.now = world.now + 600000
    world.start(0, { connectorId = 3 })
    t.equal(world.of("tx.started")[4].d.remoteStartId, nil, "ten minutes later it came by itself")
  end },
  { "every action answers an empty request with a table that is JSON", function(t)
    local world = world_module.new()
    for action in pairs(actions) do
      local answer = world.message(action, {})
      t.ok(type(answer) == "table" and json.encode(answer), action)
    end
    for _, event in ipairs(world.events) do t.ok(type(event.k) == "string" and event.f.type, "keys and types") end
  end },
  { "a record: lines of JSON, d as text, unique keys", function(t)
    local world = world_module.new()
    local record = record_module.new(world.state, world.station, world.now, "m\n1")
    record:put("a", { b = 1 })
    record:event("ev", "one", {})
    record:event("ev", "two", { con = 0, d = { text = "line\nbreak" } })
    local lines = {}
    for line in record:payload():gmatch("[^\n]+") do lines[#lines + 1] = json.decode(line) end
    t.equal(#lines, 3)
    t.equal(lines[1].kv, json.array { json.array { "a", { v = { b = 1 } } } })
    t.equal({ lines[2].d, lines[3].d }, { "{}", '{"text":"line\\nbreak"}' })
    t.equal({ lines[3].f.evse, lines[3].f.con }, { 0, 0 })
    t.ok(lines[2].k ~= lines[3].k)
  end },
}
