-- refresh.lua - asks stations that came back without a boot for what they did not say.
--
-- A station that only reconnected sends neither boot nor status (ocpp.md 0.4). After a restart of the gateway
-- hundreds come back within seconds, so the questions leave through a token bucket: 500 stations take half a
-- minute. At most one TriggerMessage a station in ten seconds.

local gw = require "kw.gateway"
local json = require "kw.json"
local timer = require "kw.timer"

local M = {}
M.__index = M

M.TICK_S = 0.25
M.PER_TICK = 4            -- 16 a second
M.AGAIN_S = 12            -- between two questions to one station
M.LATER_MS = 1500         -- after the moment at which a boot is no longer expected

--- @param known fun(cs: string): table  what the station told at its last boot
function M.new(sessions, options, known)
  return setmetatable({ sessions = sessions, options = options, known = known, queue = {}, head = 1 }, M)
end

local function ask(self, session, message)
  if message == "BootNotification" then self.sessions:expect_boot(session.id, require("kw.time").now_ms()) end
  local kind, answer = gw.call(session.handle, "TriggerMessage", json.encode { requestedMessage = message },
                               self.options.call_timeout_s * 1000)
  if kind == "error" or (kind == "result" and answer.status == "NotImplemented") then
    session.no_trigger = true
    gw.count("trigger-not-supported")
  end
end

-- A new station of which we know nothing is asked for its boot, which brings its status as well.
local function refresh(self, session)
  if session.closed or session.booted then return end
  if not (self.known(session.id) or {}).vendor then
    ask(self, session, "BootNotification")
    timer.sleep(M.AGAIN_S)
  end
  if not session.closed and not session.reported and not session.no_trigger then
    ask(self, session, "StatusNotification")
  end
end

local function wanted(session) return not (session.closed or session.booted or session.reported) end

--- A connection was opened.
function M:opened(session)
  if session.quirks.trigger == false then return end
  timer.after((self.sessions.BOOTLESS_AFTER_MS + M.LATER_MS) / 1000, function()
    if wanted(session) then self.queue[#self.queue + 1] = session end
  end)
end

function M:tick()
  for _ = 1, M.PER_TICK do
    local session = self.queue[self.head]
    if not session then
      if self.head > 1 then self.queue, self.head = {}, 1 end
      return
    end
    self.head = self.head + 1
    if wanted(session) then timer.spawn(refresh, self, session) end
  end
end

function M:start()
  timer.every(M.TICK_S, function() self:tick() end)
end

return M
