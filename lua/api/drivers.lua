-- drivers.lua - People who draw energy, and their RFID keys.
--
-- A key's id is its UID in capitals, as the gateway asks for it. Each change of a key is written to Redis
-- (kw.contract) and to the live model, which puts driver names beside transactions. Keys that were refused
-- because nobody knows them wait in the inbox, in memory, until they are bound.

local json = require("kw.json")
local complex = require("kw.complex")
local live = require("kw.live")
local time = require("kw.time")
local timer = require("kw.timer")
local api = require("kw.api")
local audit = require("kw.audit")
local contract = require("kw.contract")
local present = require("kw.present")
local problem = require("kw.problem")
local resource = require("kw.resource")
local schema = require("kw.schema")
local store = require("kw.store")

local M = {}

local UNKNOWN_MAX = 500

local names = {}        -- driver id -> name, for the live model
local known = {}        -- key id -> true
local unknown = {}      -- key id -> what was seen
local unknown_count = 0

local driver_fields = {
  { "id", "string", required = true, create_only = true, min_length = 1, max_length = 39, match = "^[%w_%-%.]+$",
    pattern = "^[A-Za-z0-9_.-]+$", doc = "Id; made when left out." },
  { "name", "string", required = true, min_length = 1, max_length = 100, max_bytes = 127, search = true, sort = true,
    doc = "Full name." },
  { "department", "string", null = true, max_length = 200, filter = true, search = true, sort = true, index = true,
    doc = "Department." },
  { "email", "string", null = true, max_length = 254, format = "email", search = true, doc = "E-mail." },
  { "phone", "string", null = true, max_length = 60, search = true, doc = "Telephone." },
  { "state", "string", enum = { "active", "blocked" }, default = "active", filter = true,
    doc = "A blocked driver's keys are refused." },
  { "keys", schema.array({ "string" }), live = true, read_only = true, doc = "Ids of the driver's keys." },
  { "budget_wh_per_month", "integer", null = true, min = 0, max = 1000000000000, unit = "Wh", doc = "Energy a month." },
  { "note", "string", null = true, max_length = 2000, multiline = true, doc = "Free text." },
  { "created_at", "time", read_only = true, sort = true, doc = "When it was made." },
}
driver_fields[1].required = false

M.resource = schema.resource { name = "Driver", plural = "drivers", collection = "drivers", sort = { "name" },
                               doc = "Somebody who draws energy.", fields = driver_fields }

local key_resource = schema.resource {
  name = "Key", plural = "keys", collection = "keys", sort = { "uid" }, doc = "An RFID key.",
  fields = {
    { "id", "string", required = true, read_only = true, doc = "The UID in capitals." },
    { "uid", "string", required = true, create_only = true, min_length = 1, max_length = 36,
      match = "^[%w%-_=:+|@%.]+$",
      pattern = "^[A-Za-z0-9_=:+|@.-]+$", search = true, sort = true, doc = "UID as the reader sends it (idTag)." },
    { "label", "string", null = true, max_length = 200, search = true, sort = true, doc = "What is printed on it." },
    { "driver_id", "string", null = true, max_length = 60, filter = true, index = true, doc = "Whose it is." },
    { "state", "string", enum = { "active", "blocked" }, default = "active", filter = true, doc = "May it charge." },
    { "valid_from", "time", null = true, doc = "Not before." },
    { "valid_until", "time", null = true, doc = "Not after." },
    { "parent_id", "string", null = true, max_length = 36,
      doc = "Group (parentIdTag): one may stop the other's charging." },
    { "node_ids", schema.array({ "string", max_length = 60 }, { max_items = 100 }), null = true,
      doc = "Only at these nodes and below; null: everywhere." },
    { "hours", "json", null = true, doc = "Only in these hours (an object by day of the week)." },
    { "budget_wh", "integer", null = true, min = 0, max = 1000000000000, unit = "Wh", doc = "Energy in all." },
    { "created_at", "time", read_only = true, sort = true, doc = "When it was made." },
  },
}

-- --- what Redis and the live model know ---

local blocked = {} -- driver id -> true

-- A key as the gateway shall see it: blocked with its driver, not before its time.
local function effective(doc)
  local early = doc.valid_from_ms and doc.valid_from_ms > time.now_ms()
  if doc.driver_id and blocked[doc.driver_id] or early then
    local copy = {}
    for name, value in pairs(doc) do copy[name] = value end
    copy.state = "blocked"
    return copy
  end
  return doc
end
contract.effective_key = effective

local function put_live(doc)
  known[doc.id] = true
  complex.put_key(doc.uid, doc.driver_id or "", doc.driver_id and names[doc.driver_id] or "")
end

local function publish_key(doc)
  put_live(doc)
  contract.put_key(effective(doc))
  if unknown[doc.id] then
    unknown[doc.id] = nil
    unknown_count = unknown_count - 1
  end
end

local function keys_of(driver_id)
  local list = store.find("keys", { where = { { "driver_id", "=", driver_id } }, sort = { "id" }, limit = 1000 })
  return list and list.items or {}
end

-- --- drivers ---

resource.serve {
  resource = M.resource, path = "/drivers", tag = "drivers", one = "driver", view = "drivers.view",
  edit = "drivers.edit",
  show_page = function(items)
    local ids, by_id = json.array(), {}
    for i, out in ipairs(items) do
      ids[i], by_id[out.id] = out.id, out
      out.keys = json.array()
    end
    local list = store.find("keys", { where = { { "driver_id", "in", ids } }, sort = { "id" }, limit = 10000 })
    for _, key in ipairs(list and list.items or {}) do table.insert(by_id[key.driver_id].keys, key.id) end
  end,
  written = function(doc, before)
    names[doc.id] = doc.name
    blocked[doc.id] = doc.state == "blocked" or nil
    if before and (before.name ~= doc.name or before.state ~= doc.state) then
      for _, key in ipairs(keys_of(doc.id)) do publish_key(key) end
    end
  end,
  remove = function(doc, req)
    if keys_of(doc.id)[1] then return problem(req, 409, "in-use", "The driver has keys: unbind them first.") end
  end,
  removed = function(doc) names[doc.id], blocked[doc.id] = nil, nil end,
}

-- --- keys ---

local function check_driver(doc, req)
  local driver = doc.driver_id
  if driver and driver ~= json.null and not names[driver] then
    return problem(req, 422, "validation", nil, { errors = { { path = "driver_id", code = "unknown-driver",
                                                               message = "There is no such driver." } } })
  end
end

local key_options = resource.serve {
  resource = key_resource, path = "/keys", tag = "drivers", one = "key", view = "drivers.view", edit = "drivers.edit",
  operations = { list = true, get = true, create = true, patch = true, delete = true },
  new = function(doc, req)
    doc.id = doc.uid:upper()
    return check_driver(doc, req)
  end,
  change = function(_, set, req) return check_driver(set, req) end,
  written = function(doc) publish_key(doc) end,
  removed = function(doc)
    known[doc.id] = nil
    contract.remove_key(doc.id)
    complex.remove_key(doc.uid)
  end,
}

-- --- keys that nobody knows ---

local unknown_object = schema.object("UnknownKey", {
  { "id", "string", required = true, doc = "The UID in capitals." },
  { "uid", "string", required = true, doc = "UID as the reader sent it." },
  { "station_id", "string", doc = "Where it was last held to a reader." },
  { "connector_id", "integer", doc = "At which connector." },
  { "count", "integer", required = true, doc = "How often since the start of the service." },
  { "first_at", "time", required = true, doc = "First time." },
  { "last_at", "time", required = true, doc = "Last time." },
})

local function show_unknown(row)
  return { id = row.id, uid = row.uid, station_id = row.station_id or json.null, count = row.count,
           connector_id = row.connector_id or json.null, first_at = present.time(row.first_ms),
           last_at = present.time(row.last_ms) }
end

local function forget_oldest()
  local oldest
  for _, row in pairs(unknown) do
    if not oldest or row.last_ms < oldest.last_ms then oldest = row end
  end
  unknown[oldest.id] = nil
  unknown_count = unknown_count - 1
end

local function list_unknown()
  local items = json.array()
  for _, row in pairs(unknown) do items[#items + 1] = row end
  table.sort(items, function(a, b) return a.last_ms > b.last_ms or (a.last_ms == b.last_ms and a.id < b.id) end)
  for i, row in ipairs(items) do items[i] = show_unknown(row) end
  return 200, { items = items, next_cursor = json.null, total = #items }
end

--- A refused authorisation of a key that is in no register goes to the inbox.
function M.on_event(event)
  if event.type ~= "auth.request" or type(event.d) ~= "table" then return end
  local uid = event.d.idToken
  if type(uid) ~= "string" or uid == "" or event.d.status == "Accepted" or known[uid:upper()] then return end
  local id = uid:upper()
  local row = unknown[id]
  if not row then
    if unknown_count >= UNKNOWN_MAX then forget_oldest() end
    row = { id = id, uid = uid, count = 0, first_ms = event.at_ms or event.received_ms }
    unknown[id] = row
    unknown_count = unknown_count + 1
  end
  row.count, row.last_ms = row.count + 1, event.at_ms or event.received_ms
  row.station_id, row.connector_id = event.station_id, event.connector_id
  live.publish("keys.unknown", nil, show_unknown(row))
end

-- POST /keys/{id}/bind: an unknown key becomes a key of the driver, a known one changes hands.
local function bind(req, caller)
  local status, body, headers = check_driver(req.input, req)
  if status then return status, body, headers end
  local id = req.params.id:upper()
  local doc, slug, detail = store.get("keys", id)
  if not doc and slug ~= "not-found" then return problem.of_store(req, slug, detail) end
  local row = unknown[id]
  if not doc and not row then return problem(req, 404, "not-found") end
  local change
  if doc then
    change = { op = "update", from = "keys", key = id, revision = doc.revision,
               set = { driver_id = req.input.driver_id, label = req.input.label or doc.label or json.null } }
  else
    change = { op = "insert", from = "keys", doc = { id = id, uid = row.uid, driver_id = req.input.driver_id,
                                                     label = req.input.label, state = "active",
                                                     created_ms = time.now_ms() } }
  end
  local results, why, current = store.batch({ change, audit.entry(req, caller, {
    action = "key.bind", object_type = "key", object_id = id, before = doc and { driver_id = doc.driver_id
      or json.null },
    after = { driver_id = req.input.driver_id } }) })
  if not results then
    if why == "conflict" then return resource.stale(key_options, req, caller, current) end
    return problem.of_store(req, why, current)
  end
  publish_key(results[1])
  return 200, present.doc(key_resource, results[1], caller.rights), resource.etag(results[1])
end

M.keys = { resource = key_resource }

--- Fill the live model (start only).
function M.load()
  for _, doc in ipairs(assert(store.all("drivers"))) do
    names[doc.id] = doc.name
    blocked[doc.id] = doc.state == "blocked" or nil
  end
  for _, doc in ipairs(assert(store.all("keys"))) do put_live(doc) end
end

api.operation {
  method = "GET", path = "/keys/unknown", id = "listUnknownKeys", tag = "drivers", right = "drivers.view",
  summary = "Keys that were refused because nobody knows them", handler = list_unknown,
  answer = schema.object("UnknownKeyPage", {
    { "items", schema.array(unknown_object), required = true, doc = "The keys, newest first." },
    { "next_cursor", "string", null = true, doc = "Always null: one page." },
    { "total", "integer", required = true, doc = "How many." } }),
}
api.operation {
  method = "POST", path = "/keys/{id}/bind", id = "bindKey", tag = "drivers", right = "drivers.edit",
  summary = "Give a key to a driver", answer = key_resource, handler = bind,
  body = schema.object("Bind", {
    { "driver_id", "string", required = true, max_length = 60, doc = "The driver." },
    { "label", "string", null = true, max_length = 200, doc = "What is printed on the key." } }),
}

-- Keys whose time has come since the last look.
local looked_ms = time.now_ms()

local function open_in_time()
  local now_ms = time.now_ms()
  local found = store.find("keys", { where = { { "valid_from_ms", ">", looked_ms }, { "valid_from_ms", "<=", now_ms } },
                                     limit = 1000 })
  if not found then return end
  looked_ms = now_ms
  for _, doc in ipairs(found.items) do publish_key(doc) end
end

function M.start() timer.every(10, open_in_time) end

return M
