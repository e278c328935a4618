-- sessions.lua - the stations that are connected now, and what is expected of them.
--
-- A session belongs to one connection (handle). What must survive a reconnect or a crash stands in
-- state.lua; here is only what dies with the connection, and short expectations of a station: a boot that
-- we asked for, a transaction that a remote start will bring.

local clock = require "ocpp.clock"
local quirks = require "ocpp.quirks"

local M = {}
M.__index = M

M.BOOTLESS_AFTER_MS = 5000        -- a station that did not boot by then has only reconnected (ocpp.md 2.1)
M.REMOTE_START_MS = 180 * 1000    -- a StartTransaction later than this was not our doing
M.SOLICITED_BOOT_MS = 180 * 1000

function M.new(state)
  return setmetatable({ state = state, by_handle = {}, by_station = {}, remote_starts = {}, solicited = {},
                        clocks = {} }, M)
end

local function quirks_of(self, cs)
  return quirks.of(self.state:get("cs:" .. cs) or {})
end

--- Session of a connection; one that has gone gets a stand-in, so that its last messages can be handled.
function M:of(handle, cs)
  local session = self.by_handle[handle]
  return session or { id = cs, protocol = "1.6", clock = self:clock_of(cs), quirks = quirks_of(self, cs) }
end

--- The quirks have changed.
function M:read_quirks()
  for cs, session in pairs(self.by_station) do session.quirks = quirks_of(self, cs) end
end

function M:station(cs) return self.by_station[cs] end

--- A copy of the open sessions, by station.
function M:all()
  local copy = {}
  for cs, session in pairs(self.by_station) do copy[cs] = session end
  return copy
end

--- What we know of a station's clock outlives its connections.
function M:clock_of(cs)
  local found = self.clocks[cs]
  if not found then
    found = clock.new()
    self.clocks[cs] = found
  end
  return found
end

function M:open(handle, cs, generation, now_ms)
  local session = { handle = handle, id = cs, generation = generation, protocol = "1.6", since_ms = now_ms,
                    ready = false, booted = false, reported = false, clock = self:clock_of(cs),
                    quirks = quirks_of(self, cs) }
  self.by_handle[handle] = session
  self.by_station[cs] = session
  return session
end

function M:close(handle)
  local session = self.by_handle[handle]
  if not session then return nil end
  self.by_handle[handle] = nil
  session.closed = true
  if self.by_station[session.id] == session then self.by_station[session.id] = nil end
  return session
end

--- The boot's answer is about to leave: calls to the station are allowed behind it.
function M:booted(cs)
  local session = self.by_station[cs]
  if not session then return end
  session.booted, session.ready = true, true
  session.quirks = quirks_of(self, cs)
end

--- It told its status by itself: nobody has to ask.
function M:reported(cs)
  local session = self.by_station[cs]
  if session then session.reported = true end
end

--- Are calls to the station allowed? Not before its boot is answered, or it has shown that none will come.
function M.is_ready(session, now_ms)
  return session.ready or now_ms - session.since_ms >= M.BOOTLESS_AFTER_MS
end

function M:expect_boot(cs, now_ms) self.solicited[cs] = now_ms + M.SOLICITED_BOOT_MS end

--- Was this boot our doing (a Reset, a TriggerMessage)? Answers once.
function M:take_solicited_boot(cs, now_ms)
  local until_ms = self.solicited[cs]
  self.solicited[cs] = nil
  return until_ms ~= nil and now_ms <= until_ms
end

function M:expect_start(cs, con, tag, command_id, now_ms)
  local list = self.remote_starts[cs] or {}
  self.remote_starts[cs] = list
  list[#list + 1] = { con = con, tag = tag, command_id = command_id, until_ms = now_ms + M.REMOTE_START_MS }
end

--- The remote start came to nothing.
function M:forget_start(cs, command_id)
  local list = self.remote_starts[cs]
  for i = #(list or {}), 1, -1 do
    if list[i].command_id == command_id then table.remove(list, i) end
  end
end

--- The remote start that this transaction answers: its command's id, or nil. Taken once.
function M:take_remote_start(cs, con, tag, now_ms)
  local list, found = self.remote_starts[cs], nil
  if not list then return nil end
  local kept = {}
  for _, wait in ipairs(list) do
    if not found and wait.until_ms >= now_ms and wait.tag == tag and (not wait.con or wait.con == con) then
      found = wait.command_id
    elseif wait.until_ms >= now_ms then
      kept[#kept + 1] = wait
    end
  end
  self.remote_starts[cs] = #kept > 0 and kept or nil
  return found
end

return M
