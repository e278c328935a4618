-- quirks.lua - what single station models do differently: data, no code (ocpp.md 2.1).
--
-- Each entry names whom it is for (`vendor`, `model`, `firmware`: Lua patterns, compared in lower case, absent
-- = any; all must match) and what to do:
--   scale = { [measurand] = factor }   the station's figure times this is the unit it names
--   units = { [its word] = our word }  aliases of units
--   measurands = { [its word] = OCPP word }
--   ping = false                       it does not answer pings: silence is judged by its heartbeat
--   trigger = false                    it does not take TriggerMessage
-- The shipped list holds only what was verified on a device of that make; an entry reads like
--   { vendor = "^acme", firmware = "^1%.", scale = { ["Current.Import"] = 0.1 } }
-- A site's own file site/ocpp/quirks.lua returns such a list; its entries come after these.

local M = {}

M.list = {}
local site = {}

local NONE = {}

local function matches(pattern, text)
  return pattern == nil or (type(text) == "string" and text:lower():find(pattern) ~= nil)
end

local function merge_into(into, entry)
  for name, value in pairs(entry) do
    if name ~= "vendor" and name ~= "model" and name ~= "firmware" then
      if type(value) == "table" then
        into[name] = into[name] or {}
        for key, factor in pairs(value) do into[name][key] = factor end
      else
        into[name] = value
      end
    end
  end
end

local function check(entry, i)
  if type(entry) ~= "table" then error(("entry %d is not a table"):format(i), 0) end
  for _, name in ipairs { "vendor", "model", "firmware" } do
    local ok = entry[name] == nil or (type(entry[name]) == "string" and pcall(string.find, "", entry[name]))
    if not ok then error(("entry %d: %s is not a Lua pattern"):format(i, name), 0) end
  end
  for measurand, factor in pairs(type(entry.scale) == "table" and entry.scale or NONE) do
    if type(factor) ~= "number" or factor <= 0 then
      error(("entry %d: scale of %s must be a number > 0"):format(i, tostring(measurand)), 0)
    end
  end
end

--- A site's entries, behind the shipped ones; they replace those of before. Raises on a wrong form, and
--- then those of before stay. Returns their number.
function M.set_site(entries)
  if type(entries) ~= "table" then error("a list of entries is expected", 0) end
  for i, entry in ipairs(entries) do check(entry, i) end
  site = entries
  return #entries
end

--- What holds for a station: all entries that match, later ones over earlier ones.
---@param about table  {vendor, model, firmware}
function M.of(about)
  local found
  for _, list in ipairs { M.list, site } do
    for _, entry in ipairs(list) do
      if matches(entry.vendor, about.vendor) and matches(entry.model, about.model)
        and matches(entry.firmware, about.firmware) then
        found = found or {}
        merge_into(found, entry)
      end
    end
  end
  return found or NONE
end

return M
