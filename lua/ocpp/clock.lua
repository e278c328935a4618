-- clock.lua - what a station's clock is worth (ocpp.md 2.1: local time marked Z, 1970, minutes off).
--
-- A message that waited in the station's queue is old, and so is one whose clock is behind: they look alike
-- one by one. In a queue that is flushed the lag shrinks from message to message; with a wrong clock it is
-- the same for messages that come seconds apart. Three of those in a row, and the lag is the clock's: from
-- then on it is taken off, queued messages included. The first plausible live message ends it.

local parse = require "ocpp.parse"
local time = require "kw.time"

local M = {}
M.__index = M

M.APART_MS = 5000    -- messages closer together than this prove nothing
M.SAME_MS = 3000     -- lags this close are the same
M.NEEDED = 3

function M.new() return setmetatable({ offset_ms = 0, same = 0 }, M) end

-- `lag`: how far behind the receive time the station's time is (negative: ahead).
local function observe(self, lag, received_ms)
  if math.abs(lag) <= parse.OFFLINE_AFTER_MS then
    self.offset_ms, self.same, self.lag = 0, 0, nil
    return
  end
  if self.lag and received_ms - self.at_ms < M.APART_MS then return end
  if self.lag and math.abs(lag - self.lag) <= M.SAME_MS then
    self.same = self.same + 1
  else
    self.same = 1
  end
  self.lag, self.at_ms = lag, received_ms
  if self.same >= M.NEEDED then self.offset_ms = -lag end
end

--- Like parse.moment, with the clock's known error taken off. `live`: the message reports the present
--- (a status, a periodic sample), so it teaches us about the clock.
function M:moment(value, received_ms, live)
  local at = type(value) == "string" and time.parse(value) or nil
  if at and live ~= false then observe(self, received_ms - at, received_ms) end
  if at and self.offset_ms ~= 0 then
    local mended = at - self.offset_ms
    if mended <= received_ms + parse.CLOCK_AHEAD_MS and mended >= received_ms - parse.QUEUED_MAX_MS then
      return mended, received_ms - mended > parse.OFFLINE_AFTER_MS, "clock"
    end
  end
  return parse.moment(value, received_ms)
end

return M
