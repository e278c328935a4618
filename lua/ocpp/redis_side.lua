-- redis_side.lua - what the gateway reads from Redis, and what it writes there besides events.
--
-- Events go through the journal and the writer (core/feed/writer.h). This link is for the rest: keys and
-- tokens are read, liveness is written (P:meta every 5 s; last seen and heartbeat of stations, gathered and
-- sent every 2 s, never one by one). Losing any of it does no harm.

local crypto = require "kw.crypto"
local gw = require "kw.gateway"
local log = require "kw.log"
local redis = require "kw.redis"
local time = require "kw.time"
local timer = require "kw.timer"

local M = {}
M.__index = M

M.ALIVE_S = 5
M.FLUSH_S = 2
M.START_WAIT_S = 3   -- a question in the first seconds waits for the link
M.RETURN_WAIT_S = 6  -- and so it does when Redis is back and this link has not noticed yet

function M.new(state, options)
  return setmetatable({ state = state, prefix = options.redis_prefix, url = options.redis_url, id = options.gateway_id,
                        dirty = {}, started_ms = time.now_ms(), on_return = nil }, M)
end

function M:connect()
  self.link = redis.connect(self.url)
end

-- Is it worth waiting for the link?
local function is_coming(self, waited_s)
  if self.link:up() then return false end
  if time.now_ms() - self.started_ms < M.START_WAIT_S * 1000 then return true end
  return gw.redis_up() and waited_s < M.RETURN_WAIT_S
end

local function call(self, ...)
  local waited_s = 0
  while is_coming(self, waited_s) do
    timer.sleep(0.1)
    waited_s = waited_s + 0.1
  end
  return self.link:call(...)
end

--- Ask Redis; may wait. nil, slug on failure.
function M:call(...) return call(self, ...) end

--- Fields of a hash: table | nil, "none" (there is no such key) | nil, slug (Redis is away).
function M:hash(key)
  local flat, slug = call(self, "HGETALL", self.prefix .. key)
  if not flat then return nil, slug end
  if #flat == 0 then return nil, "none" end
  local fields = {}
  for i = 1, #flat, 2 do fields[flat[i]] = flat[i + 1] end
  return fields
end

--- Fields of a station's hash that need no event; sent with the next flush.
function M:station_fields(cs, fields)
  local waiting = self.dirty[cs]
  if not waiting then
    self.dirty[cs] = fields
    return
  end
  for name, value in pairs(fields) do waiting[name] = value end
end

function M:flush()
  if not self.link:up() then return end
  local dirty = self.dirty
  self.dirty = {}
  for cs, fields in pairs(dirty) do
    local args = {}
    for name, value in pairs(fields) do
      args[#args + 1] = name
      args[#args + 1] = tostring(value)
    end
    self.link:send("HSET", self.prefix .. "station:" .. cs, table.unpack(args))
  end
end

-- Also finds a data set that was emptied under an open link.
function M:alive(on_return)
  if not self.link:up() then return end
  local epoch = self.link:call("HGET", self.prefix .. "meta", "epoch")
  if epoch ~= nil and epoch ~= self.state:get("epoch") then on_return() end
  self.link:send("HSET", self.prefix .. "meta", "aliveTs", tostring(time.now_ms()))
end

--- Is the data set the one that we wrote? Gives the epoch found (false: none), or nil when Redis is away.
function M:epoch()
  local found = call(self, "HGET", self.prefix .. "meta", "epoch")
  return found
end

--- Say who writes here. `epoch` names the data set.
function M:introduce(epoch)
  local now = tostring(time.now_ms())
  return call(self, "HSET", self.prefix .. "meta", "contract", "kw", "major", "1", "minor", "0", "producer",
              "kilowatch-gateway", "version", gw.version(), "epoch", epoch, "startedTs", tostring(self.started_ms),
              "aliveTs", now)
end

--- Write the snapshot of one station again: the data set was lost. Fields without events, in order.
function M:rewrite(commands)
  for _, command in ipairs(commands) do
    for i, value in ipairs(command) do command[i] = tostring(value) end
    command[2] = self.prefix .. command[2]
    if not self.link:send(table.unpack(command)) then return false end
  end
  return true
end

function M.new_epoch() return crypto.random_hex(8) end

--- Watch the link and run the timers. `on_return()` runs as a task each time the link has come up.
function M:start(on_return)
  self:connect()
  timer.every(M.ALIVE_S, function() self:alive(on_return) end)
  timer.every(M.FLUSH_S, function() self:flush() end)
  local was_up = false
  timer.every(0.25, function()
    local up = self.link:up()
    if up and not was_up then
      was_up = up
      local ok, why = pcall(on_return)
      if not ok then log.error("what follows the return of Redis failed", { error = why }) end
    end
    was_up = up
  end)
end

return M
