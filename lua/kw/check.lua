-- check.lua - Is a value what its schema says? Every fault with its place, a code and a sentence.
--
-- M.value() returns the value as the program keeps it (times as ms, defaults filled in) and adds to
-- `errors` what is wrong: {path, code, message}. Paths are dotted: `connectors.0.id`.

local json = require("kw.json")
local time = require("kw.time")

local M = {}

local null = json.null
local ERRORS_MAX = 50

local function fault(errors, path, code, message)
  if #errors < ERRORS_MAX then errors[#errors + 1] = { path = path, code = code, message = message } end
  return nil
end
M.fault = fault

local function one_of(enum, value)
  for _, allowed in ipairs(enum) do
    if allowed == value then return true end
  end
  return false
end

local function words(enum)
  local list = {}
  for i, value in ipairs(enum) do list[i] = tostring(value) end
  return table.concat(list, ", ")
end

local checks = {}

function checks.string(spec, value, path, errors)
  if type(value) ~= "string" then return fault(errors, path, "type", "must be text") end
  local length = utf8.len(value)
  if not length then return fault(errors, path, "type", "must be UTF-8 text") end
  if value:find(spec.multiline and "[%z\1-\8\11\12\14-\31\127]" or "[%z\1-\31\127]") then
    return fault(errors, path, "characters", "must have no control characters")
  end
  local least = spec.min_length or 0
  if length < least or (least > 0 and not value:find("%S")) then
    return fault(errors, path, "length", least == 1 and "must not be empty"
      or ("must have at least %d characters"):format(least))
  end
  if length > (spec.max_length or 1000) then
    return fault(errors, path, "length", ("must have at most %d characters"):format(spec.max_length or 1000))
  end
  if spec.max_bytes and #value > spec.max_bytes then
    return fault(errors, path, "length", ("must have at most %d bytes of UTF-8"):format(spec.max_bytes))
  end
  if spec.match and not value:find(spec.match) then
    return fault(errors, path, "pattern", "must match " .. (spec.pattern or spec.match))
  end
  return value
end

local function in_range(spec, value, path, errors)
  if (spec.min and value < spec.min) or (spec.max and value > spec.max) then
    local unit = spec.unit and " " .. spec.unit or ""
    if not spec.max then return fault(errors, path, "range", ("must be at least %s%s"):format(spec.min, unit)) end
    return fault(errors, path, "range", ("must be %s to %s%s"):format(spec.min or "-", spec.max, unit))
  end
  return value
end

function checks.integer(spec, value, path, errors)
  local number = type(value) == "number" and math.tointeger(value)
  if not number then return fault(errors, path, "type", "must be a whole number") end
  return in_range(spec, number, path, errors)
end

function checks.number(spec, value, path, errors)
  if type(value) ~= "number" then return fault(errors, path, "type", "must be a number") end
  return in_range(spec, value, path, errors)
end

function checks.boolean(_, value, path, errors)
  if type(value) ~= "boolean" then return fault(errors, path, "type", "must be true or false") end
  return value
end

function checks.time(_, value, path, errors)
  local ms, zoned
  if type(value) == "string" then ms, zoned = time.parse(value) end
  if not ms or not zoned then
    return fault(errors, path, "type", "must be a time with its zone, as 2026-01-31T08:00:00Z")
  end
  return ms
end

function checks.json(_, value) return value end

local function is_array(value)
  return type(value) == "table" and (#value > 0 or getmetatable(value) ~= nil or next(value) == nil)
end

function checks.array(spec, value, path, errors)
  if not is_array(value) then return fault(errors, path, "type", "must be an array") end
  local least, most = spec.min_items or 0, spec.max_items or 1000
  if #value < least or #value > most then
    return fault(errors, path, "items", least == most and ("must have %d values"):format(least)
      or ("must have %d to %d values"):format(least, most))
  end
  local list = json.array()
  for i, item in ipairs(value) do
    local checked = M.value(spec.items, item, ("%s.%d"):format(path, i - 1), errors)
    list[i] = checked == nil and null or checked
  end
  return list
end

function checks.object(spec, value, path, errors)
  if type(value) ~= "table" or #value > 0 then return fault(errors, path, "type", "must be an object") end
  local prefix = path == "" and "" or path .. "."
  local result, mode = {}, spec.mode
  for name in pairs(value) do
    local field = spec.by[name]
    if not field then
      fault(errors, prefix .. name, "unknown-field", "is not a field of this resource")
    elseif field.read_only or (field.live and mode) or (mode == "patch" and field.create_only) then
      fault(errors, prefix .. name, "read-only", "cannot be set")
    end
  end
  for _, field in ipairs(spec.fields) do
    local given = value[field.name]
    if given ~= nil and not field.read_only then
      result[field.name] = M.value(field, given, prefix .. field.name, errors)
    elseif mode ~= "patch" and given == nil then
      if field.default ~= nil then
        result[field.name] = field.default
      elseif field.required and not field.read_only then
        fault(errors, prefix .. field.name, "required", "is needed")
      end
    end
  end
  return result
end

--- The checked value, or nil with at least one more entry in `errors`. JSON null stays json.null.
function M.value(spec, value, path, errors)
  if value == null then
    if spec.null then return null end
    return fault(errors, path, "type", "must not be null")
  end
  local checked = checks[spec.type](spec, value, path, errors)
  if checked ~= nil and spec.enum and not one_of(spec.enum, checked) then
    return fault(errors, path, "enum", "must be one of " .. words(spec.enum))
  end
  return checked
end

--- A value from a query string, by the field's type; nil and a message when it does not fit.
function M.text(spec, text)
  local value = text
  if spec.type == "integer" then
    value = text:find("^-?%d+$") and math.tointeger(tonumber(text))
  elseif spec.type == "number" then
    value = tonumber(text)
  elseif spec.type == "boolean" then
    value = ({ ["true"] = true, ["false"] = false, ["1"] = true, ["0"] = false })[text]
  end
  local errors = {}
  if value == nil then value = text end
  local checked = M.value(spec.type == "array" and spec.items or spec, value, "", errors)
  if errors[1] then return nil, errors[1].message end
  return checked
end

return M
