-- ocpp_link.lua - one station's WebSocket: connect, come back after a loss, one call at a time.
--
-- OCPP-J allows one unanswered call per direction, so calls wait in a queue; the other side's calls are
-- answered while we wait. After a loss the link comes back by itself: 1 s, 2 s, 4 s .. 60 s, each with
-- jitter, so that a thousand stations do not return in the same second. A call that was under way or
-- waiting is told "lost"; what must not be lost is the outbox's business.

local agenda = require "agenda"
local crypto = require "kw.crypto"
local json = require "kw.json"

local M = {}
M.__index = M

local BACKOFF_FIRST_S, BACKOFF_MAX_S = 1, 60
local REFUSED_FIRST_S = 15 -- after an HTTP refusal (a wrong key): asking again at once helps nobody

--- @param options table {world, dial, url, id, key, rng, on_open, on_close, on_call}
---   dial{url, protocols, headers, ca_file} -> socket | nil, slug, words  (kw.ws.connect; tests give another)
---   on_call(action, payload) -> answer | nil, error code
function M.new(options)
  local self = setmetatable({}, M)
  for name, value in pairs(options) do self[name] = value end
  self.queue, self.attempts, self.sent = {}, 0, 0
  self.prefix = crypto.random_hex(4)
  return self
end

local function settle(call, answer, why, words)
  agenda.cancel(call.timer)
  if call.done then call.done(answer, why, words) end
end

local pump

local function on_timeout(self, call)
  if self.call_out ~= call then return end
  self.call_out = nil
  self.world.stats.timeouts = self.world.stats.timeouts + 1
  settle(call, nil, "timeout")
  pump(self)
end

function pump(self)
  while self.socket and not self.call_out and self.queue[1] do
    local call = table.remove(self.queue, 1)
    local payload = call.payload
    if type(payload) == "function" then payload = payload() end
    if payload == nil then
      settle(call, nil, "withdrawn")
    else
      self.sent = self.sent + 1
      call.id = ("%s-%d"):format(self.prefix, self.sent)
      self.call_out = call
      call.timer = self.world:after(self.world.call_timeout_s, function() on_timeout(self, call) end)
      self.world.stats.calls = self.world.stats.calls + 1
      if not self.socket:send(json.encode(json.array { 2, call.id, call.action, payload })) then return end
    end
  end
end

--- Queue a call. done(answer) or done(nil, "timeout"|"lost"|"withdrawn"|"error", code) exactly once.
---@param payload table|fun(): table|nil  a function is asked when its turn comes; nil: never mind
function M:call(action, payload, done)
  local call = { action = action, payload = payload, done = done }
  if not self.socket then
    if done then done(nil, "lost") end
    return
  end
  self.queue[#self.queue + 1] = call
  pump(self)
end

function M:up() return self.socket ~= nil end

local function answer_call(self, frame)
  local id, action, payload = frame[2], frame[3], frame[4]
  self.world.stats.commands = self.world.stats.commands + 1
  local ok, answer, code = pcall(self.on_call, action, type(payload) == "table" and payload or {})
  if not ok then
    self.world.log.error("a call of the central system failed", { station = self.id, error = answer })
    answer, code = nil, "InternalError"
  end
  if not self.socket then return end
  if answer then
    self.socket:send(json.encode(json.array { 3, id, answer }))
  else
    self.socket:send(json.encode(json.array { 4, id, code or "NotImplemented", "", {} }))
  end
end

local function on_text(self, text)
  local frame, why = json.decode(text)
  if type(frame) ~= "table" then
    self.world.log.warn("not a frame", { station = self.id, error = why or text:sub(1, 80) })
    return
  end
  local kind, call = frame[1], self.call_out
  if kind == 2 then
    answer_call(self, frame)
  elseif (kind == 3 or kind == 4) and call and frame[2] == call.id then
    self.call_out = nil
    if kind == 3 then
      settle(call, frame[3])
    else
      self.world.stats.errors = self.world.stats.errors + 1
      settle(call, nil, "error", frame[3])
    end
    pump(self)
  end
end

local function reconnect(self, refused)
  self.attempts = self.attempts + 1
  local first = refused and REFUSED_FIRST_S or BACKOFF_FIRST_S
  local wait = math.min(BACKOFF_MAX_S, first * 2 ^ math.min(self.attempts - 1, 6))
  self:open(wait * self.rng:real(0.5, 1.5))
end

local function ended(self, socket, why)
  if self.socket ~= socket then return end
  self.socket = nil
  local waiting, out = self.queue, self.call_out
  self.queue, self.call_out = {}, nil
  if out then settle(out, nil, "lost") end
  for _, call in ipairs(waiting) do settle(call, nil, "lost") end
  self.world.stats.connected = self.world.stats.connected - 1
  self.on_close(why)
  if self.wanted then reconnect(self, false) end
end

local function run(self, generation)
  local credentials = "Authorization: Basic " .. crypto.base64(self.id .. ":" .. self.key)
  local socket, why, words = self.dial { url = self.url .. "/" .. self.id, protocols = "ocpp1.6",
                                         headers = self.key ~= "" and { credentials } or {}, ca_file = self.ca_file }
  if self.generation ~= generation or not self.wanted then
    if socket then socket:close(1000, "not wanted any more") end
    return
  end
  if not socket then
    local refused = tostring(words or ""):find("http 4", 1, true) ~= nil
    self.world:complain("cannot connect", { station = self.id, error = words or why })
    reconnect(self, refused)
    return
  end
  self.socket, self.attempts = socket, 0
  self.world.stats.connected = self.world.stats.connected + 1
  self.on_open()
  local text, reason, detail = socket:recv()
  while text do
    on_text(self, text)
    text, reason, detail = socket:recv()
  end
  ended(self, socket, detail ~= "" and detail or reason)
end

--- Connect in `delay_s`, and stay connected from then on.
function M:open(delay_s)
  self.wanted = true
  self.generation = (self.generation or 0) + 1
  local generation = self.generation
  self.world:after(delay_s or 0, function()
    if self.generation == generation and not self.socket then self.world.spawn(run, self, generation) end
  end)
end

--- Leave. rough: drop the socket as a power cut does, without a word.
function M:close(rough)
  self.wanted = false
  self.generation = (self.generation or 0) + 1
  local socket = self.socket
  if not socket then return end
  ended(self, socket, "closed by the station")
  if rough then socket:abort() else socket:close(1000, "") end
end

return M
