-- commands.lua - Orders to stations, each with an outcome that is followed to its end.
--
-- queued -> sent -> accepted | rejected | timed_out, then confirmed when the station's own state shows it.
-- The document is stored before the order leaves, results come as events of the feed, and a task asks the
-- control API about whatever is still open: also after a restart, also when an event was lost. A command is
-- never sent twice: its id is the idempotency key.

local json = require("kw.json")
local log = require("kw.log")
local time = require("kw.time")
local timer = require("kw.timer")
local complex = require("kw.complex")
local live = require("kw.live")
local api = require("kw.api")
local audit = require("kw.audit")
local control = require("kw.control")
local present = require("kw.present")
local problem = require("kw.problem")
local resource = require("kw.resource")
local schema = require("kw.schema")
local stations = require("api.stations")
local store = require("kw.store")

local M = {}

local DEADLINE_S = 60      -- for the station's answer, unless the request says otherwise
local GRACE_MS = 10000     -- past the deadline before we call it timed out ourselves
local CONFIRM_MS = 300000  -- how long the station's state is watched after it accepted
local LOOK_S = 2           -- between questions about commands that have no answer yet
local LOOK_ACCEPTED_MS = 10000
local OPEN_MAX = 2000
local ACTIONS = { "remote_start", "remote_stop", "reset", "unlock", "change_availability", "set_limit", "trigger" }
local MESSAGES = { "BootNotification", "DiagnosticsStatusNotification", "FirmwareStatusNotification", "Heartbeat",
                   "MeterValues", "StatusNotification" }
local CONFIRMABLE = { remote_start = true, remote_stop = true, reset = true, change_availability = true,
  set_limit = true }

M.resource = schema.resource {
  name = "Command", plural = "commands", collection = "commands", revision = false, sort = { "-created_at" },
  doc = "An order to a station and what became of it.", indexes = { { "station_id", "created_ms" } },
  fields = {
    { "id", "string", required = true, doc = "Id." },
    { "station_id", "string", required = true, filter = true, doc = "Station." },
    { "connector_id", "integer", doc = "Connector; null: the whole station." },
    { "action", "string", enum = ACTIONS, required = true, filter = true, doc = "What." },
    { "params", "json", doc = "The action's parameters." },
    { "state", "string", enum = { "queued", "sent", "accepted", "rejected", "timed_out", "confirmed" }, required = true,
      filter = true, index = true, doc = "Where it is." },
    { "confirmed", "boolean", default = false, doc = "The station's own state shows it." },
    { "station_words", "string", doc = "The station's answer, in its words." },
    { "error_code", "string", doc = "Why not, as a slug." },
    { "account_id", "string", filter = true, doc = "Who." },
    { "account_name", "string", doc = "The name then." },
    { "created_at", "time", required = true, sort = true, index = true, doc = "When it was ordered." },
    { "sent_at", "time", doc = "When it left for the station." },
    { "answered_at", "time", doc = "When the station answered." },
    { "confirmed_at", "time", doc = "When its state showed it." },
    { "duration_ms", "integer", live = true, unit = "ms", doc = "From order to answer." },
    { "node_id", "string", hidden = true, index = true },
    { "contract_id", "string", hidden = true },
    { "deadline", "time", hidden = true },
    { "wait_ms", "integer", hidden = true }, -- asked for by the client, in ms
  },
}

local open = {} -- id -> document: not answered, or accepted and watched
local open_count = 0

local function show(doc, caller)
  local out = present.doc(M.resource, doc, caller and caller.rights)
  out.duration_ms = doc.answered_ms and doc.answered_ms - doc.created_ms or json.null
  out.params = doc.params or {}
  return out
end

local function is_open(doc)
  if doc.state == "queued" or doc.state == "sent" then return true end
  return doc.state == "accepted" and CONFIRMABLE[doc.action] == true and not doc.unconfirmed and
         time.now_ms() < (doc.answered_ms or doc.created_ms) + CONFIRM_MS
end

local function keep(doc)
  if is_open(doc) then
    if not open[doc.id] then open_count = open_count + 1 end
    open[doc.id] = doc
  elseif open[doc.id] then
    open[doc.id] = nil
    open_count = open_count - 1
  end
end

-- The change is in memory at once; browsers hear of it when it is stored, so that whoever reads after
-- the news reads the news. `wait`: return only then (the writer keeps the order of the changes).
local function change(doc, set, wait)
  for name, value in pairs(set) do doc[name] = value end
  keep(doc)
  local owner, shown = doc.account_id, show(doc)
  local function write()
    local done, slug = store.update("commands", doc.id, set)
    if not done then log.error("command not stored", { command = doc.id, reason = tostring(slug) }) end
    live.publish("commands", owner, shown)
  end
  if wait then write() else timer.spawn(write) end
end

local RANK = { queued = 1, sent = 2, accepted = 3, rejected = 3, timed_out = 3, confirmed = 4 }

local function told_time(value) return math.type(value) == "integer" and value or time.now_ms() end

local function told_words(told)
  local words = {}
  for _, name in ipairs({ "ocppStatus", "errorCode", "errorText" }) do
    if type(told[name]) == "string" and told[name] ~= "" then words[#words + 1] = told[name] end
  end
  return words[1] and table.concat(words, ": ") or nil
end

-- What the contract says of a command; a later word never goes back to an earlier one.
local function apply(doc, told, wait)
  local state, code = control.state_of(told.state)
  if not state then return end
  local set = {}
  if RANK[state] > RANK[doc.state] then
    set.state, set.error_code = state, code
    if not doc.sent_ms and (told.sentTs or state ~= "queued"
      and code == nil) then set.sent_ms = told_time(told.sentTs) end
    if RANK[state] == 3 then
      set.answered_ms, set.station_words = told_time(told.answeredTs), told_words(told)
    end
  end
  if told.effect == "confirmed" and (set.state or doc.state) == "accepted" then
    set.state, set.confirmed, set.confirmed_ms = "confirmed", true, told_time(told.effectTs)
  elseif told.effect == "unconfirmed" then
    doc.unconfirmed = true -- nobody watches any more
  end
  if next(set) then change(doc, set, wait) else keep(doc) end
end

-- --- what the station's own state shows ---

local function connector_of(doc)
  local shown = complex.station(doc.station_id)
  for _, one in ipairs(shown and shown.connectors or {}) do
    if one.id == doc.connector_id then return one end
  end
end

local function limit_shows(doc)
  local one = connector_of(doc)
  if not one then return false end
  if doc.params.limit_ma then return one.limit_ma == doc.params.limit_ma end
  return one.limit_w == doc.params.limit_w
end

local SHOWN_BY = {
  remote_start = function(doc, event)
    return event.type == "tx.started" and (not doc.connector_id or event.connector_id == doc.connector_id)
  end,
  remote_stop = function(doc, event)
    return event.type == "tx.ended" and tostring(event.transaction_id) == tostring(doc.params.transaction_id)
  end,
  reset = function(_, event) return event.type == "station.boot" end,
  change_availability = function(doc, event)
    local status = event.type == "connector.status" and type(event.d) == "table" and event.d.status
    if not status or (doc.connector_id and event.connector_id ~= doc.connector_id) then return false end
    return (status == "Unavailable") ~= doc.params.available
  end,
}

local function confirm(doc)
  change(doc, { state = "confirmed", confirmed = true, confirmed_ms = time.now_ms() })
end

function M.on_event(event)
  if event.type == "command.result" then
    local told = type(event.d) == "table" and event.d or {}
    local doc = open[told.key or ""]
    if doc and doc.station_id == event.station_id then apply(doc, told) end
    return
  end
  if open_count == 0 then return end
  for _, doc in pairs(open) do
    if doc.station_id == event.station_id and doc.state == "accepted" then
      local shows = SHOWN_BY[doc.action]
      if shows and event.received_ms >= doc.created_ms and shows(doc, event) then return confirm(doc) end
    end
  end
end

-- --- asking about what is open ---

local function look_at(doc)
  local now_ms = time.now_ms()
  if doc.state == "accepted" then
    if doc.action == "set_limit" and limit_shows(doc) then return confirm(doc) end
    if doc.contract_id and now_ms - (doc.looked_ms or 0) >= LOOK_ACCEPTED_MS then
      doc.looked_ms = now_ms
      local told = control.look(doc.contract_id)
      if told then return apply(doc, told) end
    end
    return keep(doc)
  end
  local told, slug
  if doc.contract_id then
    told, slug = control.look(doc.contract_id)
  elseif now_ms < doc.deadline_ms then
    told, slug = control.send(doc, doc.wait_ms) -- the answer to the order was lost: the same again
    if told and type(told.commandId) == "string" then change(doc, { contract_id = told.commandId }) end
  end
  if told then
    apply(doc, told)
  elseif slug == "offline" or slug == "refused" or slug == "unknown" then
    if RANK[doc.state] < 3 then
      change(doc, { state = "rejected", answered_ms = now_ms, error_code = slug == "unknown" and "lost" or slug })
    end
  end
  if RANK[doc.state] < 3 and time.now_ms() > doc.deadline_ms + GRACE_MS then
    change(doc, { state = "timed_out", answered_ms = time.now_ms(), error_code = "no-answer" })
  end
end

local function look()
  local list = {}
  for _, doc in pairs(open) do list[#list + 1] = doc end
  for _, doc in ipairs(list) do
    if open[doc.id] then
      local ok, why = pcall(look_at, doc)
      if not ok then log.error("command not followed", { command = doc.id, error = tostring(why) }) end
    end
  end
end

-- --- the order ---

local function invalid(req, path, code, message)
  return problem(req, 422, "validation", nil, { errors = { { path = path, code = code, message = message } } })
end

local function open_transaction(shown, connector_id)
  local found, count = nil, 0
  for _, one in ipairs(shown.connectors or {}) do
    local transaction = one.transaction
    if transaction and transaction ~= json.null and transaction ~= "" and
       (not connector_id or one.id == connector_id) then
      found, count = one, count + 1
    end
  end
  return count == 1 and found or nil, count
end

-- Parameters by action: nil, or a problem.
local function read_params(doc, input, shown, req)
  local params, action = doc.params, input.action
  local function need_connector()
    if not doc.connector_id then return invalid(req, "connector_id", "required", "is needed for this action") end
  end
  if action == "remote_start" then
    params.key_uid = input.key_uid
    if not input.key_uid then return invalid(req, "key_uid", "required", "the key to charge with is needed") end
  elseif action == "remote_stop" then
    params.transaction_id = input.transaction_id and input.transaction_id:match("([^~]+)$")
    if not params.transaction_id then
      local one, count = open_transaction(shown, doc.connector_id)
      if not one then
        if count > 1 then return invalid(req, "connector_id", "required", "which of its transactions?") end
        return problem(req, 409, "conflict", "There is no open transaction to stop.")
      end
      params.transaction_id, doc.connector_id = one.transaction, one.id
    end
  elseif action == "reset" then
    params.hard = input.hard or false
  elseif action == "unlock" then
    return need_connector()
  elseif action == "change_availability" then
    params.available = input.available
    if input.available == nil then return invalid(req, "available", "required", "true or false is needed") end
  elseif action == "set_limit" then
    params.limit_ma, params.limit_w = input.limit_ma, input.limit_w
    if (input.limit_ma == nil) == (input.limit_w == nil) then
      return invalid(req, "limit_ma", "required", "either limit_ma or limit_w is needed")
    end
    return need_connector()
  elseif action == "trigger" then
    params.message = input.message
    if not input.message then return invalid(req, "message", "required", "the message to ask for is needed") end
  end
end

local function without_nulls(input)
  for name, value in pairs(input) do
    if value == json.null then input[name] = nil end
  end
  return input
end

local function build(station, req, caller)
  local input, now_ms = without_nulls(req.input), time.now_ms()
  local doc = { id = resource.new_id(), station_id = station.id, connector_id = input.connector_id,
    action = input.action,
                params = {}, state = "queued", confirmed = false, account_id = caller.account_id,
                account_name = caller.account.name, created_ms = now_ms, node_id = station.node_id,
                deadline_ms = now_ms + (input.deadline_s or DEADLINE_S) * 1000,
                wait_ms = input.deadline_s and input.deadline_s * 1000 }
  local shown = complex.station(station.id) or {}
  local status, body, headers = read_params(doc, input, shown, req)
  if status then return nil, status, body, headers end
  if shown.online == false then return nil, problem(req, 409, "offline") end
  return doc
end

-- The order has left, or was refused at the door: then the document says so, too.
local function deliver(doc, req, caller)
  local told, slug, detail = control.send(doc, doc.wait_ms)
  if told then
    if type(told.commandId) == "string" then change(doc, { contract_id = told.commandId }) end
    apply(doc, told, true)
  elseif slug == "timeout" then
    keep(doc) -- it may have got there: the task asks on
  else
    local code = slug == "unreachable" and "control-unreachable" or slug
    change(doc, { state = "rejected", answered_ms = time.now_ms(), error_code = code }, true)
    local extra = { command = show(doc, caller) }
    if slug == "offline" then return problem(req, 409, "offline", nil, extra) end
    if slug == "unknown" then
      return problem(req, 409, "offline", "The complex does not know this station yet.", extra)
    end
    if slug == "unreachable" then return problem(req, 502, "control-unreachable", nil, extra) end
    return problem(req, 409, "conflict", "The complex refused the command: " .. tostring(detail), extra)
  end
  return 202, show(doc, caller), { Location = api.base .. "/commands/" .. doc.id }
end

local function order(req, caller)
  local station, status, body, headers = stations.find(req, caller, "stations.control")
  if not station then return status, body, headers end
  if open_count >= OPEN_MAX then return problem(req, 503, "busy", "Too many commands are open.") end
  local doc
  doc, status, body, headers = build(station, req, caller)
  if not doc then return status, body, headers end
  local results, slug, detail = store.batch({
    { op = "insert", from = "commands", doc = doc },
    audit.entry(req, caller, { action = "command." .. doc.action, object_type = "station", object_id = doc.station_id,
                               after = { command_id = doc.id, connector_id = doc.connector_id,
                                 params = doc.params } }) })
  if not results then return problem.of_store(req, slug, detail) end
  keep(doc)
  live.publish("commands", doc.account_id, show(doc))
  return deliver(doc, req, caller)
end

-- --- reading ---

resource.serve {
  resource = M.resource, path = "/commands", tag = "commands", one = "command", node = "node_id",
  view = "stations.view", edit = "stations.control", operations = { list = true, get = true },
  show = function(out, doc)
    out.duration_ms = doc.answered_ms and doc.answered_ms - doc.created_ms or json.null
    out.params = doc.params or {}
  end,
}

api.operation {
  method = "POST", path = "/stations/{id}/commands", id = "sendCommand", tag = "commands", right = "stations.control",
  placed = true, status = 202, summary = "Order something from a station", answer = M.resource, handler = order,
  errors = { 409, 502 },
  body = schema.object("CommandOrder", {
    { "action", "string", enum = ACTIONS, required = true, doc = "What." },
    { "connector_id", "integer", null = true, min = 0, max = 64, doc = "Connector; left out: the whole station." },
    { "key_uid", "string", null = true, min_length = 1, max_length = 20,
      doc = "remote_start: RFID key to charge with." },
    { "transaction_id", "string", null = true, max_length = 100,
      doc = "remote_stop: the transaction; left out: the only open one." },
    { "hard", "boolean", null = true, doc = "reset: hard instead of soft." },
    { "available", "boolean", null = true, doc = "change_availability: in service or out." },
    { "limit_ma", "integer", null = true, min = 0, max = 1000000, unit = "mA", doc = "set_limit: current a phase." },
    { "limit_w", "integer", null = true, min = 0, max = 10000000, unit = "W", doc = "set_limit: power." },
    { "message", "string", null = true, enum = MESSAGES, doc = "trigger: message to ask for." },
    { "deadline_s", "integer", null = true, min = 5, max = 600, unit = "s",
      doc = "Time for the answer; 60 when left out." },
  }),
}

--- Open commands of before (start only).
function M.load()
  local found = assert(store.find("commands", { where = { { "state", "in", { "queued", "sent", "accepted" } } },
                                                sort = { "-created_ms" }, limit = OPEN_MAX }))
  for _, doc in ipairs(found.items) do keep(doc) end
end

function M.start() timer.every(LOOK_S, look) end
M.look = look

return M
