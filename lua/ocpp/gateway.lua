-- gateway.lua - the gateway's decisions, one function for each thing that C tells (core/app/gateway*.c).
--
-- C calls `hooks` once and then starts one task for each handshake, connection, end of a connection and
-- message. A message becomes a record (record.lua), the record is committed (fsync), and only then the
-- station gets its answer. A handler that fails never costs a transaction: its message is kept as it came and
-- answered as if all was well (ocpp.md 0.2).

local actions = require "ocpp.v16.actions"
local auth_module = require "ocpp.auth"
local commands_module = require "ocpp.commands"
local control = require "ocpp.control"
local gw = require "kw.gateway"
local json = require "kw.json"
local log = require "kw.log"
local quirks = require "ocpp.quirks"
local rebuild = require "ocpp.rebuild"
local record_module = require "ocpp.record"
local redis_side = require "ocpp.redis_side"
local refresh_module = require "ocpp.refresh"
local sessions_module = require "ocpp.sessions"
local site = require "kw.site"
local state_module = require "ocpp.state"
local time = require "kw.time"
local timer = require "kw.timer"
local tokens_module = require "ocpp.tokens"

local M = {}

M.CHECKPOINT_MS = 10 * 60 * 1000    -- a checkpoint is due after so long, if there was any record at all
M.RIVAL_EVENT_MS = 60 * 1000        -- at most one security event for a station's rivals in this time

local options = {
  gateway_id = gw.option("gateway_id"), redis_url = gw.option("redis_url"), redis_prefix = gw.option("redis_prefix"),
  heartbeat_s = gw.option("heartbeat_s", "integer"), ping_s = gw.option("ping_s", "integer"),
  call_timeout_s = gw.option("call_timeout_s", "integer"), key_check_s = gw.option("key_check_s", "integer"),
  offline_auth = gw.option("offline_auth"), checkpoint_records = gw.option("checkpoint_records", "integer"),
  allow_profile_0 = gw.option("allow_profile_0", "boolean"),
  accept_hex_literal = gw.option("accept_hex_literal", "boolean"),
}

local state = state_module.new()
local redis = redis_side.new(state, options)
local sessions = sessions_module.new(state)
local auth = auth_module.new(state, redis, options)
local checkpoint_at_ms = time.now_ms()
local rival_at_ms = {}

-- What handlers see.
local context = {
  options = options, sessions = sessions, tokens = tokens_module.new(state, redis, options.offline_auth),
  redis_hash = function(cs, fields) redis:station_fields(cs, fields) end,
}

--- Make a record durable; undone if the disk refuses it. Waits. Returns true or nil.
local function commit(record)
  if not record:dirty() then return true end
  local ok = gw.commit(record:payload())
  if not ok then record:undo() end
  return ok
end

--- The same where nobody waits for it.
local function append(record)
  local ok, slug = gw.append(record:payload())
  if not ok then
    record:undo()
    log.error("a record was lost", { station = record.cs, error = slug })
  end
end

local refresh = refresh_module.new(sessions, options, function(cs) return state:get("cs:" .. cs) end)
local commands = commands_module.new(state, sessions, options, commit, append)

local function merged(old, changes)
  local copy = {}
  for name, value in pairs(old or {}) do copy[name] = value end
  for name, value in pairs(changes) do copy[name] = value end
  return copy
end

-- --- handshakes ---

local function authenticate(cs, peer, tls, user, password)
  local ok, result, more = auth:authenticate(cs, peer, tls, user, password)
  if not ok then return false, result, more end
  local old = state:get("au:" .. cs)
  if not old or old.hash ~= more.hash or old.salt ~= more.salt or old.profile ~= more.profile
    or old.disabled ~= more.disabled then
    local record = record_module.new(state, { id = cs }, time.now_ms())
    record:put("au:" .. cs, more)
    append(record)
  end
  local model = sessions:of(0, cs).quirks
  return true, result, model.ping == false and 0 or options.ping_s * 1000
end

local function connected(handle, cs, peer, tls, profile)
  local now = time.now_ms()
  local known = state:get("cs:" .. cs) or {}
  local generation = math.max((known.generation or 0) + 1, now)
  local session = sessions:open(handle, cs, generation, now)
  local record = record_module.new(state, session, now)
  record:put("cs:" .. cs, merged(known, { connected = true, generation = generation, peer = peer }))
  record:event("ev", "station.connected", {
    k = ("con|%s|%d"):format(cs, generation),
    d = { conGen = generation, remoteAddr = peer, tls = tls and 1 or 0, securityProfile = profile },
    add = { { "stations", cs } },
    set = { { "station:" .. cs, "conGen", generation, {
      connected = 1, connectedTs = now, lastSeenTs = now, conGen = generation, gw = options.gateway_id,
      remoteAddr = peer, securityProfile = profile, ocppVersion = "1.6", registration = "Accepted" } } },
  })
  append(record)
  refresh:opened(session)
end

local function end_of_connection(record, cs, generation, reason, code)
  record:event("ev", "station.disconnected", {
    k = ("dis|%s|%d"):format(cs, generation), d = { conGen = generation, reason = reason, code = code },
    add = { { "stations", cs } },
    set = { { "station:" .. cs, "conGen", generation, { connected = 0, disconnectedTs = record.received_ms,
                                                        conGen = generation } } },
  })
end

local function disconnected(handle, cs, code, why, replaced)
  local session = sessions:close(handle)
  if not session then return end
  local record = record_module.new(state, session, time.now_ms())
  if not replaced then record:put("cs:" .. cs, merged(state:get("cs:" .. cs), { connected = false })) end
  end_of_connection(record, cs, session.generation, why, code)
  append(record)
end

--- A second connection was refused because the first one answered (called by C, must not wait).
function M.rival(cs, peer)
  local now = time.now_ms()
  if now - (rival_at_ms[cs] or 0) < M.RIVAL_EVENT_MS then return end
  rival_at_ms[cs] = now
  local record = record_module.new(state, { id = cs, protocol = "1.6" }, now)
  record:event("ev", "security.event", { d = { type = "SecondConnection", techInfo = peer } })
  append(record)
end

-- --- messages ---

-- Messages that must never be answered with an error, and what they are answered when all else fails.
local KEPT = {
  StartTransaction = function(record)
    local id = state:next_transaction_id(record.received_ms)
    record:put("n:tx", id)
    return { transactionId = id, idTagInfo = { status = "Accepted" } }
  end,
  StopTransaction = function() return {} end,
  MeterValues = function() return {} end,
}

local function handler_failed(session, action, request, received_ms, message_id, why)
  gw.count("handler-failed")
  log.error("a message's handler failed", { station = session.id, action = action, error = why })
  if not KEPT[action] then return "error", "InternalError", "The message was not handled." end
  local record = record_module.new(state, session, received_ms, message_id)
  local answer = KEPT[action](record)
  record:event("ev", "station.event", { d = { component = "gateway", variable = "handler-failed", value = action,
                                              payload = request } })
  if not commit(record) then return nil end
  return "result", json.encode(answer)
end

local function message(handle, cs, action, request, received_ms, message_id)
  local session = sessions:of(handle, cs)
  local handler = actions[action]
  redis:station_fields(cs, { lastSeenTs = received_ms })
  if not handler then
    gw.count("unknown-action")
    return "error", "NotImplemented", "This message is not known here."
  end
  local record = record_module.new(state, session, received_ms, message_id)
  local ok, answer = pcall(handler, request, record, context)
  if not ok then
    record:undo()
    return handler_failed(session, action, request, received_ms, message_id, answer)
  end
  if not commit(record) then return nil end
  commands:observe(record)
  return "result", json.encode(answer)
end

-- --- start and stop ---

function M.hooks() return authenticate, connected, disconnected, message end
function M.restore(text) state:restore(text) end
function M.replay(line) state:replay(line) end

-- A checkpoint when one is due, made in slices between which the gateway works on. It holds everything up to
-- the record `from`; later ones that it happens to hold must be on the disk before it counts.
local function checkpoint()
  local before, now = gw.journal(), time.now_ms()
  local records = before.last - before.checkpointed
  if records < options.checkpoint_records and (records == 0 or now - checkpoint_at_ms < M.CHECKPOINT_MS) then return end
  local text = state:dump(now, function() timer.sleep(0.01) end)
  local after, waited = gw.journal(), 0
  while gw.journal().synced < after.last and waited < 100 do
    timer.sleep(0.1)
    waited = waited + 1
  end
  local at_last = gw.journal()
  if at_last.refused ~= before.refused or at_last.synced < after.last then return end -- the disk is in trouble: later
  local ok, slug = gw.checkpoint(text, before.synced)
  if ok then
    checkpoint_at_ms = now
  else
    log.error("no checkpoint was made", { error = slug })
  end
end

local function say_started(epoch)
  local record = record_module.new(state, { id = "" }, time.now_ms())
  if epoch and epoch ~= state:get("epoch") then record:put("epoch", epoch) end
  record:event("ev", "gw.started", { d = { version = gw.version(), epoch = epoch } })
  append(record)
end

-- Redis is there (again): is it the data set that we wrote? One that is not gets a new name, and our memory.
local function redis_returned()
  local epoch, found = state:get("epoch"), redis:epoch()
  if found == nil then return end -- gone again; we are called when it is back
  if found and not epoch then -- our memory is new, the data set is not
    say_started(found)
    epoch = found
  elseif found ~= epoch then
    epoch = redis_side.new_epoch()
    log.info("a new data set in Redis", { epoch = epoch, found = found or "none" })
    if not redis:rewrite(rebuild.commands(state, sessions, options)) then return end
    if not redis:introduce(epoch) then return end
    say_started(epoch)
    return
  end
  redis:introduce(epoch)
end

-- Stations that are connected in Redis by our name and that we do not know (our memory was lost).
local function forget_strangers()
  local names = redis:call("SMEMBERS", options.redis_prefix .. "stations")
  if type(names) ~= "table" then return false end
  for _, cs in ipairs(names) do
    if not state:get("cs:" .. cs) then
      local fields = redis:hash("station:" .. cs)
      if fields and fields.connected == "1" and fields.gw == options.gateway_id and not sessions:station(cs) then
        redis:call("HSET", options.redis_prefix .. "station:" .. cs, "connected", "0")
      end
    end
  end
  return true
end

-- A key that was taken away or turned off ends the connection that it opened, within a minute.
local function look_at_keys()
  for cs, session in pairs(sessions:all()) do
    local fields, slug = redis:hash("auth:" .. cs)
    if not fields and slug ~= "none" then return end
    if not session.closed and (not fields or fields.disabled == "1") then
      gw.count("key-taken-away")
      log.warn("the station's key was taken away; its connection is closed", { station = cs })
      gw.close(session.handle, 1008, "the key of this station is no longer valid")
    end
    timer.sleep(0.01)
  end
end

-- All stations are gone at first: those that our memory says are connected get the end of their connection.
local function forget_connections()
  local now = time.now_ms()
  for _, entry in ipairs(state:with_prefix("cs:")) do
    local cs, about = entry[1], entry[2]
    if about.connected then
      local record = record_module.new(state, { id = cs, protocol = "1.6" }, now)
      record:put("cs:" .. cs, merged(about, { connected = false }))
      end_of_connection(record, cs, about.generation or 0, "the gateway was restarted", 1006)
      append(record)
    end
  end
end

--- The site's own list of what its models do differently (site/ocpp/quirks.lua), if there is one. Also called
--- by C when the files were read again.
function M.read_site()
  local entries, slug, words = site.value("ocpp/quirks")
  if not entries then
    quirks.set_site {}
    if slug ~= "not-found" then log.error("the site's quirks are not used", { error = words or slug }) end
    return
  end
  local ok, result = pcall(quirks.set_site, entries)
  if not ok then
    site.refuse("ocpp/quirks", "ocpp/quirks.lua: " .. result)
    log.error("the site's quirks are not used", { error = result })
    return
  end
  log.info("the site's quirks", { entries = result })
  sessions:read_quirks()
end

function M.start()
  M.read_site()
  say_started(state:get("epoch"))
  forget_connections()
  commands:resume()
  control.new({ commands = commands, sessions = sessions, state = state, redis = redis, auth = auth,
                options = options }).register(require "kw.routes")
  local strangers_gone = false
  redis:start(function()
    redis_returned()
    strangers_gone = strangers_gone or forget_strangers()
  end)
  refresh:start()
  timer.every(2, checkpoint)
  timer.every(5, function() commands:tick(time.now_ms()) end)
  timer.every(options.key_check_s, look_at_keys)
end

function M.stop()
  local journal = gw.journal()
  if journal.synced == journal.last then gw.checkpoint(state:dump(time.now_ms()), journal.last) end
end

return M
