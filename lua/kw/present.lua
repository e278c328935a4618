-- present.lua - A stored document as the API shows it.
--
-- Every shown field is there, null when it is not set, so that a client sees one shape. A field that
-- asks for a right (`see`) is null for whoever lacks it.

local json = require("kw.json")
local time = require("kw.time")
local check = require("kw.check")
local schema = require("kw.schema")

local M = {}

local null, rfc3339 = json.null, time.rfc3339

local function compile(object)
  local shown = {}
  for _, field in ipairs(object.fields) do
    if not field.hidden and not field.live and not field.write_only then
      shown[#shown + 1] = { field.name, field.column, field.type == "time", field.see,
                            field.type == "array" and not field.null }
    end
  end
  object.shown = shown
  return shown
end

--- The document as a table for JSON. `rights` (the caller's, by name) decides fields with `see`.
function M.doc(object, doc, rights)
  local out = {}
  for _, row in ipairs(object.shown or compile(object)) do
    local value = doc[row[2]]
    if value == nil or (row[4] and not (rights and rights[row[4]])) then
      value = row[5] and json.array() or null
    elseif row[3] and value ~= null then
      value = rfc3339(value)
    end
    out[row[1]] = value
  end
  return out
end

--- RFC 3339 of a time that may be unknown.
function M.time(ms)
  if ms == nil or ms == null then return null end
  return rfc3339(ms)
end

--- A checked body (field names, API side) as columns of the store.
function M.columns(object, body)
  local doc = {}
  for name, value in pairs(body) do doc[object.by[name].column] = value end
  return doc
end

--- Faults of an answer against its schema: for tests and for KW_CHECK_ANSWERS=1.
function M.faults(spec, value)
  local errors = {}
  local function walk(part, item, path)
    if item == nil or item == null then
      if not schema.nullable(part) then check.fault(errors, path, "missing", "is null") end
    elseif part.type == "object" then
      for name in pairs(item) do
        if not part.by[name] then check.fault(errors, path .. "." .. name, "undeclared", "is not declared") end
      end
      for _, field in ipairs(part.fields) do
        if not field.hidden and not field.write_only and (item[field.name] ~= nil or field.required) then
          walk(field, item[field.name], path .. "." .. field.name)
        end
      end
    elseif part.type == "array" then
      if type(item) ~= "table" then return check.fault(errors, path, "type", "is not an array") end
      for i, one in ipairs(item) do walk(part.items, one, path .. "." .. (i - 1)) end
    else
      local strict = { type = part.type, enum = part.enum, max_length = 1000000, multiline = true }
      check.value(strict, item, path, errors)
    end
  end
  walk(spec, value, "")
  return errors
end

return M
