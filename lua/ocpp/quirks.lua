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

--- Put a site's entries behind the shipped ones. Returns their number; raises on a wrong form.
function M.extend(entries)
  for i, entry in ipairs(entries) do
    if type(entry) ~= "table" then error(("ocpp/quirks.lua: entry %d is not a table"):format(i), 0) end
    for _, name in ipairs { "vendor", "model", "firmware" } do
      local ok = entry[name] == nil or (type(entry[name]) == "string" and pcall(string.find, "", entry[name]))
      if not ok then error(("ocpp/quirks.lua: entry %d: %s is not a Lua pattern"):format(i, name), 0) end
    end
    for measurand, factor in pairs(entry.scale or NONE) do
      if type(factor) ~= "number" or factor <= 0 then
        error(("ocpp/quirks.lua: entry %d: scale of %s must be a number > 0"):format(i, tostring(measurand)), 0)
      end
    end
    M.list[#M.list + 1] = entry
  end
  return #entries
end

--- What holds for a station: all entries that match, later ones over earlier ones.
---@param about table  {vendor, model, firmware}
function M.of(about)
  local found
  for _, entry in ipairs(M.list) do
    if matches(entry.vendor, about.vendor) and matches(entry.model, about.model)
      and matches(entry.firmware, about.firmware) then
      found = found or {}
      merge_into(found, entry)
    end
  end
  return found or NONE
end

return M
