-- service.lua - The service's Lua: what `kilowatch serve` calls.
--
-- start() runs once before the feed and the listener: collections, registers into memory and the live
-- model, routes, the setup code. The live_* functions decide who may open a socket and watch what; they
-- are cheap and do not wait. on_event() hears the few events that Lua cares about.

local log = require("kw.log")
local routes = require("kw.routes")
local timer = require("kw.timer")
local accounts = require("api.accounts")
local api = require("kw.api")
local contract = require("kw.contract")
local passwords = require("kw.passwords")
local rights = require("kw.rights")
local schema = require("kw.schema")
local sessions = require("kw.sessions")
local setup_code = require("kw.setup_code")
local stations = require("api.stations")
local store = require("kw.store")
local drivers = require("api.drivers")
local idempotency = require("kw.idempotency")
local tree = require("kw.tree")

-- Every file of lua/api with its resources: what is not here is not served.
local PARTS = {
  require("api.session"), accounts, require("api.roles"), require("api.tokens"), require("api.complex"),
  require("api.nodes"), stations, drivers, drivers.keys, require("api.transactions"), require("api.commands"),
  require("api.system"),
}

local M = {}

local SWEEP_S = 60

local function declare_all()
  for _, declaration in ipairs(sessions.declarations) do store.declare(declaration) end
  store.declare(idempotency.declaration)
  store.declare(schema.collection(require("kw.audit").resource))
  for _, part in ipairs(PARTS) do
    if part.resource then
      store.key_of[part.resource.collection] = part.resource.key
      if not part.built_in then store.declare(schema.collection(part.resource)) end
    end
  end
end

local function sweep()
  local ok, why = pcall(function()
    sessions.sweep()
    idempotency.sweep()
  end)
  if not ok then log.error("sweep failed", { error = tostring(why) }) end
end

--- Called once, as a task, before anything else runs.
function M.start()
  declare_all()
  sessions.load()
  rights.load_policy()
  for _, part in ipairs(PARTS) do
    if part.load then part.load() end
  end
  api.register(routes)
  passwords.prepare()
  if accounts.administrators() == 0 then setup_code.create() else setup_code.remove() end
  contract.start()
  for _, part in ipairs(PARTS) do
    if part.start then part.start() end
  end
  timer.every(SWEEP_S, sweep)
  log.info("registers loaded", { operations = #api.operations })
end

--- The site's scripts were read again (SIGHUP): what was taken from them at the start is taken anew.
function M.on_site_loaded() rights.load_policy() end

--- Who opens a live socket: { id, account_id, kind, rights, expires_at_ms } | nil, slug.
function M.live_open(req)
  local caller, slug = sessions.caller(req)
  if not caller then return nil, slug or "not-signed-in" end
  local expires = caller.expires_ms < math.maxinteger and caller.expires_ms or nil
  return { id = caller.id, account_id = caller.account_id, kind = caller.kind, rights = caller.rights,
           expires_at_ms = expires }
end

local TOPIC_RIGHTS = {
  complex = "monitoring.view", feed = "monitoring.view", nodes = "nodes.view", stations = "stations.view",
  station = "stations.view", transactions = "transactions.view", alerts = "alerts.view",
  commands = "stations.view", ["keys.unknown"] = "drivers.view",
}
-- Topics whose view can be cut to one node and what is below it.
local CUT = { nodes = true, stations = true, transactions = true }

local function subtree(held, filter)
  local wanted = type(filter) == "table" and filter.node_id or nil
  if wanted ~= nil and (type(wanted) ~= "string" or not tree.exists(wanted)) then return nil, "not-found" end
  if held == true then return true, wanted end
  for _, root in ipairs(held) do
    if wanted and tree.is_below(wanted, root) then return true, wanted end
  end
  if wanted then return nil, "not-found" end
  if #held == 1 then return true, held[1] end
  return nil, "forbidden" -- several subtrees: ask for one of them
end

--- May the session watch `topic`? true, root node id | nil | nil, slug.
function M.live_subscribe(session, topic, filter)
  local right = TOPIC_RIGHTS[topic]
  if not right then return nil, "bad-request" end
  local caller = sessions.by_id(session.id)
  if not caller then return nil, "forbidden" end
  local held = caller.rights[right]
  if not held then return nil, "forbidden" end
  if topic == "station" then
    local id = type(filter) == "table" and filter.station_id
    if type(id) ~= "string" then return nil, "bad-request" end
    if held ~= true and not rights.may(caller, right, stations.node_of(id)) then return nil, "not-found" end
    return true
  end
  if CUT[topic] then return subtree(held, filter) end
  if held ~= true and topic ~= "commands" then return nil, "forbidden" end
  return true
end

M.events = { ["command.result"] = true, ["station.boot"] = true, ["tx.started"] = true, ["tx.ended"] = true,
             ["connector.status"] = true, ["auth.request"] = true }

--- One event of the feed, of a type in M.events. Cheap, does not wait.
function M.on_event(event)
  for _, part in ipairs(PARTS) do
    if part.on_event then part.on_event(event) end
  end
end

return M
