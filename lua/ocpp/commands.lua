-- commands.lua - the life of a command: queued, sent once, answered or not, and whether it took effect.
--
-- A command is journalled before it is acknowledged to its sender, sent at most once, and forgotten after a
-- day. One task a station works its queue, so a station never has two of our commands at a time. Each change of
-- state is a `command.result` event and the hash P:cmd:{id} (contract 5).

local crypto = require "kw.crypto"
local gw = require "kw.gateway"
local json = require "kw.json"
local log = require "kw.log"
local record_module = require "ocpp.record"
local time = require "kw.time"
local timer = require "kw.timer"
local v16 = require "ocpp.v16.commands"

local M = {}
M.__index = M

M.KEEP_MS = 24 * 3600 * 1000   -- commands and their keys
M.DEADLINE_MS = 30 * 1000      -- to be sent, when the sender does not say
M.DEADLINE_MAX_MS = 24 * 3600 * 1000
M.QUEUE_MAX = 50               -- waiting for one station
M.POLL_S = 0.2                 -- a queue that waits for its station looks again
M.TRIGGER_APART_MS = 10 * 1000 -- TriggerMessage floods stations (ocpp.md 2.1)
-- How long the station has to show the effect.
M.EFFECT_MS = { start = 180000, stop = 120000, boot = 300000, availability = 60000, limit = 120000 }

local RANK = { queued = 0, sent = 1 } -- everything else: 2, with an effect: 3

--- @param commit fun(record: table): boolean|nil  journals and waits
--- @param append fun(record: table)               journals
function M.new(state, sessions, options, commit, append)
  return setmetatable({ state = state, sessions = sessions, options = options, commit = commit, append = append,
                        queues = {}, running = {}, by_key = {}, watches = {}, trigger_at = {} }, M)
end

-- --- the document ---

--- A command as the API shows it.
function M.present(doc)
  return { commandId = doc.id, key = doc.key, cs = doc.cs, command = doc.command, state = doc.state,
           ocppStatus = doc.ocpp_status, errorCode = doc.error_code, errorText = doc.error_text, effect = doc.effect,
           result = doc.result, evseId = doc.connector, txId = doc.tx and tostring(doc.tx) or nil,
           createdTs = doc.created_ms, deadlineTs = doc.deadline_ms, sentTs = doc.sent_ms, answeredTs = doc.answered_ms,
           effectTs = doc.effect_ms }
end

-- Put a changed copy and its event into a record of its own.
local function change(self, doc, changes)
  local copy = {}
  for name, value in pairs(doc) do copy[name] = value end
  for name, value in pairs(changes) do copy[name] = value end
  local now = time.now_ms()
  local record = record_module.new(self.state, { id = copy.cs, protocol = "1.6" }, now)
  record:put("cm:" .. copy.id, copy)
  local shown = M.present(copy)
  local rank = copy.effect and 3 or RANK[copy.state] or 2
  local fields = { rank = rank, updatedTs = now }
  for _, name in ipairs { "cs", "command", "key", "state", "ocppStatus", "errorCode", "effect", "createdTs", "sentTs",
                          "answeredTs", "deadlineTs" } do
    fields[name] = shown[name]
  end
  record:event("ev", "command.result", {
    con = copy.connector, tx = copy.tx, k = ("cmd|%s|%s|%s"):format(copy.id, copy.state, copy.effect or ""),
    d = { commandId = copy.id, key = copy.key, command = copy.command, state = copy.state,
          ocppStatus = copy.ocpp_status, errorCode = copy.error_code, errorText = copy.error_text,
          effect = copy.effect, result = copy.result },
    set = { { "cmd:" .. copy.id, "rank", rank, fields } }, expire = { { "cmd:" .. copy.id, M.KEEP_MS // 1000 } },
  })
  return copy, record
end

-- Change and journal, without waiting.
local function settle(self, doc, changes)
  local copy, record = change(self, doc, changes)
  self.append(record)
  return copy
end

function M:get(id) return self.state:get("cm:" .. id) end

-- --- the queue of a station ---

local function purpose_of(doc)
  local _, payload = v16.build(doc)
  local own = type(payload) == "table" and payload.csChargingProfiles
  if not own then return nil end
  return ("%d|%s|%d"):format(payload.connectorId, own.chargingProfilePurpose, own.stackLevel)
end

-- Only the newest waiting profile for one place and purpose is sent.
local function supersede(self, queue, doc)
  local slot = doc.command == "setProfile" and purpose_of(doc)
  if not slot then return end
  for i = #queue, 1, -1 do
    local older = self:get(queue[i])
    if older and older.state == "queued" and older.command == "setProfile" and purpose_of(older) == slot then
      table.remove(queue, i)
      settle(self, older, { state = "superseded", answered_ms = time.now_ms() })
    end
  end
end

local function watch(self, doc)
  local kind = v16.table[doc.command].confirm
  if not kind or doc.effect then return end
  self.watches[doc.id] = { id = doc.id, cs = doc.cs, kind = kind, until_ms = time.now_ms() + M.EFFECT_MS[kind] }
end

-- What a good answer brings besides the command's own state.
local function accepted(self, doc, payload, answer)
  local record
  local function event(type, options)
    record = record or record_module.new(self.state, { id = doc.cs, protocol = "1.6" }, time.now_ms())
    record:event("ev", type, options)
  end
  if doc.command == "getConfig" then
    event("config.reported", { d = { configurationKey = answer.configurationKey, unknownKey = answer.unknownKey } })
  elseif doc.command == "setProfile" then
    local limit, now = v16.limit_of(payload) or {}, time.now_ms()
    local fields = { limitA = limit.limitA, limitW = limit.limitW, limitTs = now,
                     limitSrc = doc.params.source or "command" }
    local con = payload.connectorId
    local key = con == 0 and "station:" .. doc.cs or record_module.conn_key(doc.cs, con)
    local stale = {}
    for _, name in ipairs { "limitA", "limitW" } do
      if not fields[name] then stale[#stale + 1] = name end
    end
    event("profile.applied", {
      con = con, d = { limitA = limit.limitA, limitW = limit.limitW, limitSrc = fields.limitSrc, commandId = doc.id },
      set = { { key, "limitTs", now, fields } }, del = { { key, stale } } })
  end
  if record then self.append(record) end
end

local NOT_SUPPORTED = { NotImplemented = true, NotSupported = true }
local FAILED = { timeout = { "timeout", "Timeout" }, closed = { "timeout", "ConnectionLost" }, offline = { "offline" } }
local GOOD = { accepted = true, scheduled = true, rebootRequired = true }

-- What an outcome of gw.call() makes of the command.
local function outcome(doc, kind, answer, text)
  local changes = { answered_ms = time.now_ms() }
  if kind == "result" then
    changes.state, changes.ocpp_status = v16.read(doc.command, answer)
    if v16.table[doc.command].keep then changes.result = answer end
  elseif kind == "error" then
    changes.state = NOT_SUPPORTED[answer] and "notSupported" or "error"
    changes.error_code, changes.error_text = answer, text ~= "" and text or nil
  else
    local failed = FAILED[answer] or { "error", "NotSent" }
    changes.state, changes.error_code = failed[1], failed[2]
  end
  return changes
end

local function read_answer(self, doc, payload, kind, answer, text)
  local changes = outcome(doc, kind, answer, text)
  local good = GOOD[changes.state]
  if doc.command == "remoteStart" and not good then self.sessions:forget_start(doc.cs, doc.id) end
  local after = settle(self, doc, changes)
  if good then accepted(self, after, payload, type(answer) == "table" and answer or {}) end
  if good or changes.error_code == "ConnectionLost" then watch(self, after) end
end

local function send(self, doc, session)
  local action, payload = v16.build(doc)
  if not action then -- it was checked when it came; the rules have changed with a new version
    settle(self, doc, { state = "error", error_code = "NotBuilt", error_text = payload, answered_ms = time.now_ms() })
    return
  end
  local now = time.now_ms()
  if doc.command == "remoteStart" then
    self.sessions:expect_start(doc.cs, doc.connector, payload.idTag:upper(), doc.id, now)
  elseif doc.command == "reset"
    or (doc.command == "trigger" and payload.requestedMessage == "BootNotification") then
    self.sessions:expect_boot(doc.cs, now)
  end
  if doc.command == "trigger" then self.trigger_at[doc.cs] = now end
  doc = settle(self, doc, { state = "sent", sent_ms = now })
  local kind, answer, text = gw.call(session.handle, action, json.encode(payload), self.options.call_timeout_s * 1000)
  read_answer(self, self:get(doc.id) or doc, payload, kind, answer, text)
end

-- May this command leave now?
local function may_leave(self, doc, session, now)
  if not session or not self.sessions.is_ready(session, now) then return false end
  return doc.command ~= "trigger" or now - (self.trigger_at[doc.cs] or 0) >= M.TRIGGER_APART_MS
end

local function work(self, cs)
  local queue = self.queues[cs]
  while #queue > 0 do
    local doc, now = self:get(queue[1]), time.now_ms()
    local session = self.sessions:station(cs)
    if not doc or doc.state ~= "queued" then
      table.remove(queue, 1)
    elseif now >= doc.deadline_ms then
      table.remove(queue, 1)
      settle(self, doc, { state = session and "expired" or "offline", answered_ms = now })
    elseif may_leave(self, doc, session, now) then
      table.remove(queue, 1)
      local ok, why = pcall(send, self, doc, session)
      if not ok then log.error("a command failed inside", { command = doc.id, error = why }) end
    else
      timer.sleep(M.POLL_S)
    end
  end
  self.queues[cs], self.running[cs] = nil, nil
end

local function enqueue(self, doc)
  local queue = self.queues[doc.cs] or {}
  self.queues[doc.cs] = queue
  supersede(self, queue, doc)
  queue[#queue + 1] = doc.id
  if not self.running[doc.cs] then
    self.running[doc.cs] = true
    timer.spawn(work, self, doc.cs)
  end
end

-- --- from outside ---

--- The command of this key, if there is one.
function M:of_key(key)
  local id = self.by_key[key]
  local doc = id and self:get(id)
  if id and not doc then self.by_key[key] = nil end
  return doc
end

--- Take a checked command: journalled when this returns. Waits.
---@param cmd table  {cs, key, hash, command, connector?, tx?, params, deadline_ms?}
---@return table|nil doc
---@return string|nil slug  "busy" (queue full), "disk"
function M:submit(cmd)
  local now = time.now_ms()
  if #(self.queues[cmd.cs] or {}) >= M.QUEUE_MAX then return nil, "busy" end
  local doc, record = change(self, {
    id = crypto.random_hex(10), key = cmd.key, hash = cmd.hash, cs = cmd.cs, command = cmd.command,
    connector = cmd.connector, tx = cmd.tx, params = cmd.params, created_ms = now,
    deadline_ms = now + (cmd.deadline_ms or M.DEADLINE_MS), expires_ms = now + M.KEEP_MS,
  }, { state = "queued" })
  self.by_key[doc.key] = doc.id
  if not self.commit(record) then
    self.by_key[doc.key] = nil
    return nil, "disk"
  end
  enqueue(self, doc)
  return doc
end

-- --- effects ---

local function confirmed(self, wait, word)
  self.watches[wait.id] = nil
  local doc = self:get(wait.id)
  if doc and not doc.effect then settle(self, doc, { effect = word, effect_ms = time.now_ms() }) end
end

local function limit_is_kept(doc, set)
  local _, payload = v16.build(doc)
  local limit = type(payload) == "table" and v16.limit_of(payload)
  if not limit then return false end
  if limit.limitA then
    local most
    for line = 1, 3 do
      local amps = tonumber(set["currentL" .. line])
      if amps and (not most or amps > most) then most = amps end
    end
    return most ~= nil and most <= limit.limitA + math.max(0.5, limit.limitA * 0.05)
  end
  local power = tonumber(set.powerW)
  return power ~= nil and power <= limit.limitW + math.max(100, limit.limitW * 0.05)
end

-- Does this event show the effect of that command?
local SHOWS = {
  start = function(doc, event) return event.f.type == "tx.started" and event.d.remoteStartId == doc.id end,
  stop = function(doc, event) return event.f.type == "tx.ended" and event.f.tx == tostring(doc.tx) end,
  boot = function(_, event) return event.f.type == "station.boot" end,
  availability = function(doc, event)
    local type = event.f.type
    if type ~= "connector.status" and type ~= "station.status" then return false end
    if (doc.connector or 0) ~= 0 and doc.connector ~= event.f.evse then return false end
    return (event.d.status == "Unavailable") == (doc.params.type == "Inoperative")
  end,
  limit = function(doc, event)
    if event.f.type ~= "meter.values" or event.f.off or not event.set then return false end
    if (doc.connector or 0) ~= 0 and doc.connector ~= event.f.evse then return false end
    return event.f.ts >= (doc.answered_ms or 0) and limit_is_kept(doc, event.set[1][4])
  end,
}

--- A record was committed: does it confirm something? Cheap when nothing is waited for.
function M:observe(record)
  if next(self.watches) == nil then return end
  for id, wait in pairs(self.watches) do
    local doc = wait.cs == record.cs and self:get(id)
    if doc then
      for _, event in ipairs(record.events) do
        if SHOWS[wait.kind](doc, event) then
          confirmed(self, wait, "confirmed")
          break
        end
      end
    end
  end
end

--- Effects that did not come in time.
function M:tick(now)
  for _, wait in pairs(self.watches) do
    if now >= wait.until_ms then confirmed(self, wait, "unconfirmed") end
  end
end

--- After a restart: what was not sent waits on, what was sent and not answered has an unknown outcome.
function M:resume()
  local now = time.now_ms()
  for _, entry in ipairs(self.state:with_prefix("cm:")) do
    local doc = entry[2]
    self.by_key[doc.key] = doc.id
    if doc.state == "queued" then
      enqueue(self, doc)
    elseif doc.state == "sent" then
      watch(self, settle(self, doc, { state = "timeout", error_code = "GatewayRestarted", answered_ms = now }))
    elseif not doc.effect and (doc.state == "accepted" or doc.state == "scheduled") then
      watch(self, doc)
    end
  end
end

return M
