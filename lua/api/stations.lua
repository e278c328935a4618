-- stations.lua - The register of stations with what each shows now.
--
-- The declaration is stored; state, power and the rest come from the live model at the moment of the
-- answer. The key with which a station connects is made here, shown once, and kept only as a hash.
-- Stations that the feed shows but nobody registered are the list of discovered ones.

local json = require("kw.json")
local log = require("kw.log")
local complex = require("kw.complex")
local crypto = require("kw.crypto")
local api = require("kw.api")
local audit = require("kw.audit")
local contract = require("kw.contract")
local present = require("kw.present")
local problem = require("kw.problem")
local resource = require("kw.resource")
local schema = require("kw.schema")
local store = require("kw.store")
local tree = require("kw.tree")

local M = {}

local KEY_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
local KEY_LENGTH = 20 -- 119 bits; 40 hex digits is what OCPP 1.6 gives the password room for
local STATES = { "available", "preparing", "charging", "suspended", "finishing", "reserved", "faulted", "unavailable",
                 "offline", "unknown" }

local function live(name, kind, doc, more)
  local row = { name, kind, live = true, read_only = true, null = true, doc = doc }
  for key, value in pairs(more or {}) do row[key] = value end
  return row
end

local MA = { "integer", null = true }

M.connector = schema.object("Connector", {
  { "id", "integer", required = true, min = 1, max = 64, doc = "OCPP connector, from 1." },
  { "kind", "string", null = true, max_length = 40, doc = "Socket or plug, as `Type2`, `CCS2`." },
  { "hw_min_ma", "integer", null = true, min = 0, max = 1000000, unit = "mA", doc = "Least current it can give." },
  { "hw_max_ma", "integer", null = true, min = 0, max = 1000000, unit = "mA", doc = "Most current it can give." },
  { "fallback_ma", "integer", null = true, min = 0, max = 1000000, unit = "mA", doc = "Current without a connection." },
  live("status", "string", "OCPP word."),
  live("state", "string", "Normalised state.", { enum = STATES }),
  live("error_code", "string", "OCPP error code."),
  live("power_w", "integer", "Power.", { unit = "W" }),
  live("current_ma", schema.phases(MA), "Current, a phase of the station.", { unit = "mA" }),
  live("offered_ma", "integer", "Current offered to the car.", { unit = "mA" }),
  live("limit_ma", "integer", "Limit in force.", { unit = "mA" }),
  live("limit_w", "integer", "Limit in force.", { unit = "W" }),
  live("limit_source", "string", "Who set the limit."),
  live("energy_wh", "integer", "Energy of the open transaction.", { unit = "Wh" }),
  live("soc_pct", "integer", "State of charge.", { unit = "%" }),
  live("reason", "string", "Why it has this current; null: balancing is off."),
  live("transaction_id", "string", "The station's number of the open transaction."),
  live("key_uid", "string", "RFID key of the open transaction.", { see = "drivers.view" }),
  live("started_at", "time", "Start of the open transaction."),
  live("as_of", "time", "Time of the newest value."),
  live("stale", "boolean", "The values are too old."),
})

M.resource = schema.resource {
  name = "Station", plural = "stations", collection = "stations", sort = { "name" }, doc = "A charging station.",
  fields = {
    { "id", "string", required = true, create_only = true, min_length = 1, max_length = 48, max_bytes = 48,
      match = "^[^%s:|%%/?#\\]+$", pattern = "^[^\\s:|%/?#\\\\]+$", search = true, sort = true,
      doc = "OCPP identity." },
    { "name", "string", min_length = 1, max_length = 100, max_bytes = 127, search = true, sort = true,
      doc = "Name; the id when left out." },
    { "node_id", "string", null = true, max_length = 60, filter = "subtree", index = true, sort = true,
      doc = "Node that feeds it; null: not placed." },
    { "phases", "integer", enum = { 1, 3 }, default = 3, doc = "Phases." },
    { "rotation", "integer", min = 0, max = 2, default = 0,
      doc = "The station's L1 is phase L1 + rotation of the feeder." },
    { "tags", schema.array({ "string", min_length = 1, max_length = 60 }, { max_items = 50 }), default = json.array(),
      doc = "Free words to filter by." },
    { "connectors", schema.array(M.connector, { min_items = 1, max_items = 64 }), required = false,
      doc = "Connectors; one when left out." },
    { "security_profile", "integer", min = 0, max = 2, default = 1,
      doc = "Least OCPP security profile: 1 password, 2 password over TLS; 0 none (where the gateway allows it)." },
    { "disabled", "boolean", default = false, doc = "It may not connect." },
    { "note", "string", null = true, max_length = 2000, multiline = true, doc = "Free text." },
    live("state", "string", "State: the worst or busiest of its connectors.", { enum = STATES, null = false,
      required = true }),
    live("online", "boolean", "It is connected.", { null = false, required = true }),
    live("power_w", "integer", "Power now.", { unit = "W" }),
    live("current_ma", schema.phases(MA), "Current now, a phase of the station.", { unit = "mA" }),
    live("error_code", "string", "OCPP error code of the station itself."),
    live("vendor", "string", "As it said at boot."),
    live("model", "string", "As it said at boot."),
    live("firmware", "string", "As it said at boot."),
    live("last_seen_at", "time", "Last sign of life."),
    live("as_of", "time", "Time of the newest value."),
    live("stale", "boolean", "The values are too old."),
    { "created_at", "time", read_only = true, sort = true, doc = "When it was registered." },
    { "auth_salt", "string", hidden = true },
    { "auth_hash", "string", hidden = true },
  },
}

-- --- live values ---

local LIVE_CONNECTOR = { "status", "state", "error_code", "power_w", "current_ma", "offered_ma", "limit_ma", "limit_w",
                         "limit_source", "energy_wh", "soc_pct", "transaction_id", "stale" }
local DECLARED = { "kind", "hw_min_ma", "hw_max_ma", "fallback_ma" }

local function show_connector(id, declared, shown, sees_keys)
  local out = { id = id, reason = json.null, key_uid = json.null, started_at = json.null, as_of = json.null }
  for _, name in ipairs(DECLARED) do
    local value = declared and declared[name]
    out[name] = value == nil and json.null or value
  end
  for _, name in ipairs(LIVE_CONNECTOR) do
    local value = shown and shown[name]
    out[name] = value == nil and json.null or value
  end
  if shown then
    out.started_at, out.as_of = present.time(shown.started_ms), present.time(shown.as_of_ms)
    if sees_keys then out.key_uid = shown.key_uid == nil and json.null or shown.key_uid end
  else
    out.state = "unknown"
  end
  return out
end

local function show_connectors(doc, shown, sees_keys)
  local by_id, ids = {}, {}
  for _, one in ipairs(doc.connectors or {}) do
    by_id[one.id] = { one, nil }
    ids[#ids + 1] = one.id
  end
  for _, one in ipairs(shown and shown.connectors or {}) do
    if not by_id[one.id] then
      by_id[one.id] = {}
      ids[#ids + 1] = one.id
    end
    by_id[one.id][2] = one
  end
  table.sort(ids)
  local list = json.array()
  for i, id in ipairs(ids) do list[i] = show_connector(id, by_id[id][1], by_id[id][2], sees_keys) end
  return list
end

local LIVE_STATION = { "power_w", "current_ma", "error_code", "vendor", "model", "firmware", "stale" }

local function show(out, doc, caller)
  local shown = complex.station(doc.id)
  out.connectors = show_connectors(doc, shown, caller and caller.rights["drivers.view"] ~= nil)
  for _, name in ipairs(LIVE_STATION) do
    local value = shown and shown[name]
    out[name] = value == nil and json.null or value
  end
  out.state = shown and shown.state or "unknown"
  out.online = shown ~= nil and shown.online == true
  out.last_seen_at = present.time(shown and shown.last_seen_ms)
  out.as_of = present.time(shown and shown.as_of_ms)
  return out
end

local function of_null(value)
  if value == json.null then return nil end
  return value
end

local nodes = {} -- station id -> node id, for rights on live topics

--- The node of a registered station, or nil.
function M.node_of(id) return nodes[id] end

local function put_live(doc)
  nodes[doc.id] = of_null(doc.node_id)
  local connectors = 0
  for _, one in ipairs(doc.connectors or {}) do connectors = math.max(connectors, one.id) end
  local done, slug, words = complex.put_station({
    id = doc.id, name = doc.name, node_id = of_null(doc.node_id), phases = doc.phases, rotation = doc.rotation,
    connectors = connectors, revision = doc.revision })
  if not done then log.error("the live model refused a station", { station = doc.id, reason = slug,
    detail = words }) end
end

-- --- the key ---

--- A new key: the text for the station, and what is kept of it.
local function make_key(doc)
  local letters = {}
  for i = 1, KEY_LENGTH do
    local at = crypto.random_below(#KEY_LETTERS) + 1
    letters[i] = KEY_LETTERS:sub(at, at)
  end
  local key, salt = table.concat(letters), crypto.random(16)
  doc.auth_salt = salt:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end)
  doc.auth_hash = crypto.sha256(salt .. key)
  return key
end

-- Keys that wait to be shown in the answer of the request that made them.
local to_show = setmetatable({}, { __mode = "k" })

-- --- writing ---

local function invalid(req, path, code, message)
  return problem(req, 422, "validation", nil, { errors = { { path = path, code = code, message = message } } })
end

local function check_all(doc, req)
  local node = of_null(doc.node_id)
  if node and not tree.exists(node) then return invalid(req, "node_id", "unknown-node", "There is no such node.") end
  local seen = {}
  for i, one in ipairs(doc.connectors or {}) do
    if seen[one.id] then
      return invalid(req, ("connectors.%d.id"):format(i - 1), "repeated", "There are two connectors with this id.")
    end
    seen[one.id] = true
  end
end

-- Only the declared part of the connectors is kept.
local function declared_only(doc)
  if not doc.connectors then return end
  local list = json.array()
  for i, one in ipairs(doc.connectors) do
    list[i] = { id = one.id, kind = one.kind, hw_min_ma = one.hw_min_ma, hw_max_ma = one.hw_max_ma,
                fallback_ma = one.fallback_ma }
  end
  doc.connectors = list
end

local function prepare_new(doc, req)
  doc.name = doc.name or doc.id
  doc.connectors = doc.connectors or json.array({ { id = 1 } })
  declared_only(doc)
  local status, body, headers = check_all(doc, req)
  if status then return status, body, headers end
  to_show[req] = make_key(doc)
end

local function where(asked, _, req)
  local given = asked.given
  local states, more = given.status or {}, given.state or {}
  if states[1] or more[1] or given.online ~= nil then
    local wanted = {}
    for _, list in ipairs({ states, more }) do
      for _, state in ipairs(list) do wanted[#wanted + 1] = state end
    end
    local ids = complex.ids({ state = wanted[1] and wanted or nil, online = given.online, registered = true })
    asked.where[#asked.where + 1] = { "id", "in", json.array(ids) }
  end
  local tags = {}
  for _, tag in ipairs(given.tag or {}) do tags[#tags + 1] = { "tags", "contains", json.encode(tag) } end
  if tags[1] then asked.where[#asked.where + 1] = { "or", tags } end
  return req
end

local created = schema.object("NewStation", {})
for _, field in ipairs(M.resource.fields) do
  created.fields[#created.fields + 1] = field
  created.by[field.name] = field
end
local key_field = schema.object(nil, { { "key", "string", required = true,
                                         doc = "The station's password (AuthorizationKey); it is not shown again." } })
created.fields[#created.fields + 1] = key_field.fields[1]
created.by.key = key_field.fields[1]

local options = {
  resource = M.resource, path = "/stations", tag = "stations", one = "station", node = "node_id",
  view = "stations.view", edit = "stations.edit", created = created,
  query = {
    { name = "status", type = "string", enum = STATES, many = true, doc = "Only in this state; may be repeated." },
    { name = "state", type = "string", enum = STATES, many = true, doc = "The same as `status`." },
    { name = "online", type = "boolean", doc = "Only connected ones, or only others." },
    { name = "tag", type = "string", max_length = 60, many = true, doc = "Only with this tag; may be repeated." },
  },
  where = where, show = show, new = prepare_new,
  change = function(_, set, req)
    declared_only(set)
    return check_all(set, req)
  end,
  written = function(doc, before, req)
    put_live(doc)
    contract.put_station(doc)
    local key = to_show[req]
    return not before and key and { key = key } or nil
  end,
  removed = function(doc)
    nodes[doc.id] = nil
    contract.remove_station(doc.id)
    complex.remove_station(doc.id)
  end,
}
M.options = options

-- POST /stations/{id}/key: the old key stops working.
local function new_key(req, caller)
  local doc, status, body, headers = resource.find(options, req, caller, "stations.edit")
  if not doc then return status, body, headers end
  local set = {}
  local key = make_key(set)
  local results, slug, detail = store.batch({
    { op = "update", from = "stations", key = doc.id, set = set },
    audit.entry(req, caller, { action = "station.key", object_type = "station", object_id = doc.id }) })
  if not results then return problem.of_store(req, slug, detail) end
  contract.put_station(results[1])
  return 200, { id = doc.id, key = key }, { ["Cache-Control"] = "no-store" }
end

-- --- discovered ---

local discovered = schema.object("DiscoveredStation", {
  { "id", "string", required = true, doc = "OCPP identity." },
  { "online", "boolean", required = true, doc = "It is connected." },
  { "vendor", "string", doc = "Vendor." }, { "model", "string", doc = "Model." },
  { "firmware", "string", doc = "Firmware." }, { "last_seen_at", "time", doc = "Last sign of life." },
})

local function list_discovered()
  local items = json.array()
  for i, id in ipairs(complex.ids({ registered = false })) do
    local shown = complex.station(id) or {}
    items[i] = { id = id, online = shown.online == true, vendor = shown.vendor or json.null,
                 model = shown.model or json.null, firmware = shown.firmware or json.null,
                 last_seen_at = present.time(shown.last_seen_ms) }
  end
  return 200, { items = items, next_cursor = json.null, total = #items }
end

local register -- the handler of POST /stations

local function accept(req, caller)
  local shown = complex.station(req.params.id)
  if not shown or shown.registered then return problem(req, 404, "not-found") end
  local input = req.input or {}
  local connectors = json.array()
  for _, one in ipairs(shown.connectors or {}) do
    if one.id >= 1 and one.id <= 64 then connectors[#connectors + 1] = { id = one.id } end
  end
  req.input = { id = shown.id, name = input.name, node_id = input.node_id, phases = input.phases or 3, rotation = 0,
                tags = json.array(), security_profile = 1, disabled = false,
                connectors = connectors[1] and connectors or nil }
  return register(req, caller)
end

--- Fill the live model (start only, after the nodes).
function M.load()
  for _, doc in ipairs(assert(store.all("stations"))) do put_live(doc) end
end

--- A stored station that the caller may see, or nil and a problem.
function M.find(req, caller, right) return resource.find(options, req, caller, right) end

resource.serve(options)
for _, op in ipairs(api.operations) do
  if op.id == "createStation" then register = op.handler end
end
api.operation {
  method = "POST", path = "/stations/{id}/key", id = "newStationKey", tag = "stations", right = "stations.edit",
  placed = true, summary = "A new key; the old one stops working", handler = new_key,
  answer = schema.object("StationKey", {
    { "id", "string", required = true, doc = "The station." },
    { "key", "string", required = true, doc = "The station's password; it is not shown again." } }),
}
api.operation {
  method = "GET", path = "/discovered", id = "listDiscovered", tag = "stations", right = "stations.edit",
  summary = "Stations seen in the feed but not registered", handler = list_discovered,
  answer = schema.object("DiscoveredStationPage", {
    { "items", schema.array(discovered, { max_items = 100000 }), required = true, doc = "The stations." },
    { "next_cursor", "string", null = true, doc = "Always null: one page." },
    { "total", "integer", required = true, doc = "How many." } }),
}
api.operation {
  method = "POST", path = "/discovered/{id}/accept", id = "acceptDiscovered", tag = "stations", right = "stations.edit",
  status = 201, summary = "Register a discovered station", handler = accept, answer = created,
  body = schema.object("Accept", {
    { "name", "string", min_length = 1, max_length = 100, max_bytes = 127, doc = "Name; the id when left out." },
    { "node_id", "string", null = true, max_length = 60, doc = "Node that feeds it." },
    { "phases", "integer", enum = { 1, 3 }, doc = "Phases; 3 when left out." } }),
}

return M
