-- files.lua - small JSON files of the demo: whole or not at all.

local json = require "kw.json"

local M = {}

--- The decoded content, or nil when there is no such file.
function M.read(path)
  local file = io.open(path, "r")
  if not file then return nil end
  local text = file:read("a")
  file:close()
  local value, why = json.decode(text)
  if value == nil then error(path .. ": " .. tostring(why), 2) end
  return value
end

function M.write(path, value)
  local file = assert(io.open(path .. ".new", "w"))
  assert(file:write(json.encode(value), "\n"))
  assert(file:close())
  assert(os.rename(path .. ".new", path))
end

return M
