-- api_commands_test.lua - What becomes of an order when the complex answers late, wrongly, or not at all.

local fake = require("support.service_host")
local json = require("kw.json")

-- A service with one online station; `control` plays the control API: control(request) -> reply | nil, slug.
local function start(control)
  local host = fake.new()
  host.http = control
  host:sign_in_administrator()
  assert(host:call("POST", "/stations", { json = { id = "A" } }) == 201)
  host.model.stations.A.online = true
  host.model.stations.A.connectors = json.array({ { id = 1, transaction = "77", state = "charging" } })
  return host, require("api.commands")
end

local function order(host, body) return host:call("POST", "/stations/A/commands", { json = body }) end

local function state_of(host, id)
  local _, doc = host:call("GET", "/commands/" .. id)
  return doc.state, doc
end

local function taken(request)
  return { status = 202, json = { commandId = "c1", state = "queued" }, request = request }
end

local function result(host, id, d)
  d.key = id
  host.service.on_event({ type = "command.result", station_id = "A", at_ms = 1, received_ms = 1, d = d })
end

return {
  { "what is sent", function(t)
    local seen = {}
    local host = start(function(request)
      seen[#seen + 1] = request
      return taken()
    end)
    local function sent(body)
      local status = order(host, body)
      if status ~= 202 then return status end
      local last = seen[#seen].json
      return { last.command, last.evseId or false, last.txId or false, last.params }
    end
    t.equal(sent({ action = "reset" }), { "reset", false, false, { type = "Soft" } }, "reset")
    t.equal(seen[1].url, "http://control/v1/stations/A/commands", "where to")
    t.ok(seen[1].headers[1]:find("^Idempotency%-Key: %x+$"), "with its own id as the key")
    t.equal(seen[1].json.deadlineMs, nil, "nothing waits at the gateway unless asked for")
    t.equal(sent({ action = "remote_start", key_uid = "T" }), { "remoteStart", false, false, { idTag = "T" } }, "start")
    t.equal(sent({ action = "remote_stop" }), { "remoteStop", 1, "77", {} }, "stop finds the open transaction")
    t.equal(sent({ action = "remote_stop", transaction_id = "A~9" }), { "remoteStop", false, "9", {} }, "or is told")
    t.equal(sent({ action = "set_limit", connector_id = 1, limit_ma = 10500 }),
      { "setProfile", 1, false, { limitA = 10.5 } }, "a limit")
    t.equal(sent({ action = "set_limit", connector_id = 1, limit_w = 7000 }),
      { "setProfile", 1, false, { limitW = 7000 } }, "in watts")
    t.equal(sent({ action = "change_availability", available = false }),
      { "changeAvailability", false, false, { type = "Inoperative" } }, "out of service")
    for _, body in ipairs({ { action = "fly" }, { action = "remote_start" }, { action = "unlock" },
                            { action = "set_limit", connector_id = 1 }, { action = "trigger" },
                            { action = "change_availability" }, {} }) do
      t.equal(sent(body), 422, json.encode(body) .. " is refused")
    end
    t.equal(#seen, 7, "and not sent")
  end },

  { "a command goes forward only", function(t)
    local host = start(taken)
    local _, doc = order(host, { action = "reset" })
    t.equal(doc.state, "queued", "queued")
    result(host, doc.id, { state = "sent", sentTs = 5 })
    t.equal(state_of(host, doc.id), "sent", "sent")
    result(host, doc.id, { state = "accepted", ocppStatus = "Accepted" })
    result(host, doc.id, { state = "sent" })
    local state, now = state_of(host, doc.id)
    t.equal({ state, now.station_words, now.sent_at }, { "accepted", "Accepted", "1970-01-01T00:00:00.005Z" },
      "no way back")
    result(host, doc.id, { state = "whatever" })
    host.service.on_event({ type = "station.boot", station_id = "B", at_ms = 1, received_ms = math.maxinteger })
    t.equal(state_of(host, doc.id), "accepted", "another station confirms nothing")
    host.service.on_event({ type = "station.boot", station_id = "A", at_ms = 1, received_ms = 1 })
    t.equal(state_of(host, doc.id), "accepted", "nor a boot before the order")
    host.service.on_event({ type = "station.boot", station_id = "A", at_ms = 1, received_ms = math.maxinteger })
    state, now = state_of(host, doc.id)
    t.equal({ state, now.confirmed }, { "confirmed", true }, "the station's own does")
    local states = {}
    for i, one in ipairs(host.published) do states[i] = one[1] .. ":" .. one[3].state end
    t.equal(states[1], "commands:queued", "published from the first step")
    t.equal(states[#states], "commands:confirmed", "to the last")
  end },

  { "refusals", function(t)
    local answer
    local host = start(function() return table.unpack(answer) end)
    local function refused(...)
      answer = { ... }
      local status, body = order(host, { action = "reset" })
      local state, doc = state_of(host, body.command and body.command.id or body.id)
      return { status, body.code or false, state, doc.error_code }
    end
    t.equal(refused({ status = 409, json = { code = "offline" } }), { 409, "offline", "rejected", "offline" },
      "offline")
    t.equal(refused(nil, "refused", "connection refused"),
      { 502, "control-unreachable", "rejected", "control-unreachable" }, "nobody there")
    t.equal(refused({ status = 400, json = { code = "bad-request", detail = "no" } }),
      { 409, "conflict", "rejected", "refused" }, "refused")
    t.equal(refused(nil, "timeout"), { 202, false, "queued", json.null }, "no answer: it may have got there")
    host.model.stations.A.online = false
    t.equal((order(host, { action = "reset" })), 409, "known to be offline")
  end },

  { "a lost answer is asked for again, with the same key and the same words", function(t)
    local calls, answers = {}, { { nil, "timeout" }, { { status = 503, json = {} } }, { taken() },
                                 { { status = 200, json = { commandId = "c1", state = "timeout" } } } }
    local host, commands = start(function(request)
      calls[#calls + 1] = request
      return table.unpack(answers[#calls])
    end)
    local _, doc = order(host, { action = "reset", deadline_s = 30 })
    for _ = 1, 3 do commands.look() end
    local state, now = state_of(host, doc.id)
    t.equal({ state, now.error_code }, { "timed_out", json.null }, "the station did not answer")
    t.equal({ calls[2].headers, calls[2].json }, { calls[1].headers, calls[1].json }, "the same again")
    t.equal(calls[1].json.deadlineMs, 30000, "with the client's deadline")
    t.equal(calls[4].url, "http://control/v1/commands/c1", "then the command is asked about")
    commands.look()
    t.equal(#calls, 4, "and then no more")
  end },

  { "a restart goes on with what is open", function(t)
    local host = start(taken)
    local _, doc = order(host, { action = "reset" })
    local kept = host.store.collections
    local again = fake.new({ before = function(new) new.store.collections = kept end })
    again.http = function(request)
      t.equal(request.url, "http://control/v1/commands/c1", "it is asked about")
      return { status = 200, json = { commandId = "c1", state = "accepted", ocppStatus = "Accepted" } }
    end
    again.cookie = host.cookie
    require("api.commands").look()
    t.equal(state_of(again, doc.id), "accepted", "and its outcome is known")
  end },

  { "unknown keys", function(t)
    local host = start(taken)
    local function authorize(uid, status)
      host.service.on_event({ type = "auth.request", station_id = "A", at_ms = 1000, received_ms = 1000,
                              d = { idToken = uid, status = status } })
    end
    host:call("POST", "/keys", { json = { uid = "known" } })
    authorize("known", "Blocked")
    authorize("stray", "Invalid")
    authorize("STRAY", "Invalid")
    authorize("fine", "Accepted")
    local _, page = host:call("GET", "/keys/unknown")
    t.equal({ page.total, page.items[1].id, page.items[1].count }, { 1, "STRAY", 2 }, "only strangers")
    for i = 1, 600 do authorize("k" .. i, "Invalid") end
    t.equal(select(2, host:call("GET", "/keys/unknown")).total, 500, "and not for ever")
    t.equal((host:call("POST", "/keys/K600/bind", { json = { driver_id = "nobody" } })), 422, "no such driver")
    local _, driver = host:call("POST", "/drivers", { json = { name = "Anna" } })
    t.equal((host:call("POST", "/keys/k600/bind", { json = { driver_id = driver.id } })), 200, "bound")
    t.equal({ select(2, host:call("GET", "/keys/unknown")).total, host.model.keys.k600 },
      { 499, { driver.id, "Anna" } }, "and known from now on")
    t.equal((host:call("DELETE", "/drivers/" .. driver.id, { headers = { ["If-Match"] = "*" } })), 409,
      "a driver with keys stays")
  end },
}
