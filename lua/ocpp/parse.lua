-- parse.lua - lenient reading of what stations send (ocpp.md 2.1).
--
-- Stations send numbers as strings, strings as numbers, -1 for "unknown", local time marked Z. Each
-- reader returns a clean value or nil and never raises; the caller flags what had to be mended.

local time = require "kw.time"

local M = {}

M.CLOCK_AHEAD_MS = 60 * 1000                 -- a clock this far ahead is wrong
M.QUEUED_MAX_MS = 30 * 24 * 3600 * 1000      -- older than this is not a queued message but a wrong clock
M.OFFLINE_AFTER_MS = 60 * 1000               -- older: history only, never the live tile (ocpp.md 2.3)
M.NONE = -1                                  -- "unknown" as some stations write it

--- Integer from a number, a decimal string or a float; nil otherwise.
function M.integer(value)
  local number = tonumber(value)
  if not number or number ~= number or number >= 2 ^ 62 or number <= -2 ^ 62 then return nil end
  return math.floor(number + 0.5)
end

--- Number from a number or a string; nil for text, NaN and infinity.
function M.number(value)
  if type(value) == "string" then value = tonumber((value:gsub(",", "."))) end
  if type(value) ~= "number" or value ~= value or value == math.huge or value == -math.huge then return nil end
  return value
end

--- Text of at most `max` bytes from a string or number; nil when absent. Second result: it was cut.
function M.text(value, max)
  if type(value) == "number" then value = tostring(value) end
  if type(value) ~= "string" then return nil, false end
  if #value <= max then return value, false end
  local cut = value:sub(1, max)
  while #cut > 0 and not utf8.len(cut) do cut = cut:sub(1, -2) end
  return cut, true
end

--- Meter register in Wh: integer >= 0, or nil where the station says -1 or nothing.
function M.register_wh(value)
  local wh = M.integer(value)
  if not wh or wh < 0 then return nil end
  return wh
end

--- RFID tag in its compared form: trimmed, upper case (CiString20 is case-insensitive).
function M.id_tag(value)
  local tag = M.text(value, 36)
  if not tag then return nil end
  tag = tag:match("^%s*(.-)%s*$"):upper()
  if tag == "" then return nil end
  return tag
end

--- When something happened. Returns ts (ms UTC), offline flag, and "clock" when the station's clock was
--- not believed and the receive time stands in.
---@param value any         RFC 3339 text as received
---@param received_ms integer
function M.moment(value, received_ms)
  local at = type(value) == "string" and time.parse(value) or nil
  if not at then return received_ms, false, value ~= nil and "clock" or nil end
  if at > received_ms + M.CLOCK_AHEAD_MS or at < received_ms - M.QUEUED_MAX_MS then
    return received_ms, false, "clock"
  end
  return at, received_ms - at > M.OFFLINE_AFTER_MS, nil
end

return M
