-- options.lua - `--name value` arguments by a table of what there is: type, default, one sentence.

local M = {}

local function convert(kind, text)
  if kind == "string" then return text end
  local number = tonumber(text)
  if kind == "integer" then return math.tointeger(number) end
  return number
end

--- The usage text of a table {name, kind, default, doc}.
function M.usage(program, rows)
  local lines = { "usage: kilowatch run " .. program .. " [OPTIONS]" }
  for _, row in ipairs(rows) do
    local default = row[3] ~= nil and row[2] ~= "flag" and (" (%s)"):format(row[3]) or ""
    lines[#lines + 1] = ("  --%-14s %s%s"):format(row[1], row[4], default)
  end
  return table.concat(lines, "\n")
end

--- Read arguments. Returns options by name, `-` written as `_`; or nil and what is wrong.
function M.read(rows, ...)
  local found, by_name = {}, {}
  for _, row in ipairs(rows) do
    by_name[row[1]] = row
    found[row[1]:gsub("-", "_")] = row[3]
  end
  local arguments, at = { ... }, 1
  while arguments[at] do
    local name = arguments[at]:match("^%-%-([%w-]+)$")
    local row = name and by_name[name]
    if not row then return nil, "unknown argument " .. arguments[at] end
    local key = name:gsub("-", "_")
    if row[2] == "flag" then
      found[key] = true
    else
      at = at + 1
      local value = arguments[at] and convert(row[2], arguments[at])
      if value == nil then return nil, ("--%s needs a value (%s)"):format(name, row[2]) end
      found[key] = value
    end
    at = at + 1
  end
  return found
end

return M
