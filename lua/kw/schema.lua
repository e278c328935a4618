-- schema.lua - What things look like, declared once.
--
-- A field is a row `{ "name", "type", doc = "...", ... }`. From the rows come: the check of what a
-- client sends (kw.check), the shape of what it gets (kw.present), the tables of the store (here), the
-- OpenAPI document (kw.openapi) and the TypeScript types (kw.typescript). Nothing else may say twice
-- what a row says.
--
-- Types: string, integer, number, boolean, time (RFC 3339 outside, integer ms inside), json (anything),
--   or a spec made by M.array / M.object.
-- Rules: null, enum, min, max, min_length, max_length (characters), max_bytes, match (Lua pattern)
--   with pattern (the same as a regular expression, for others), multiline, min_items, max_items, default, format.
-- Who and when: required (at creation), read_only (the server's), create_only (never changed later),
--   live (not stored), hidden (stored, never shown), see = "right" that a reader needs.
-- Lists: filter = true | "subtree", sort, search; index for the store; column (name in the store).
-- Meaning: unit, doc.

local json = require("kw.json")

local M = {}

local TYPES = { string = true, integer = true, number = true, boolean = true, time = true, json = true,
                array = true, object = true }
local OPTIONS = { doc = true, null = true, enum = true, min = true, max = true, min_length = true, max_length = true,
                  max_bytes = true, match = true, pattern = true, multiline = true, min_items =
                  true, max_items = true, default = true, format = true, required = true, read_only
                  = true, create_only = true, live = true, hidden = true, see = true, filter = true,
                  sort = true, search = true, index = true, column = true, unit = true, type = true,
                  items = true, fields = true, by = true, name = true, title = true, many = true,
                  write_only = true }

local function column_of(name, type_name)
  if type_name ~= "time" then return name end
  local stem = name:match("^(.*)_at$")
  return (stem or name) .. "_ms"
end

-- One row to one field; a mistake in a declaration stops the start with its name.
local function field_of(row, owner)
  local name, kind = row[1], row[2]
  local field = {}
  if type(kind) == "table" then
    for key, value in pairs(kind) do field[key] = value end
    field.object_name = kind.type == "object" and kind.name or nil
  else
    field.type = kind
  end
  for key, value in pairs(row) do
    if math.type(key) ~= "integer" then
      if not OPTIONS[key] then error(("schema %s.%s: unknown option %s"):format(owner, name, key), 3) end
      field[key] = value
    end
  end
  field.name = name
  if not TYPES[field.type] then error(("schema %s.%s: unknown type %s"):format(owner, name, tostring(field.type)),
    3) end
  if not field.doc and not field.hidden then error(("schema %s.%s: no doc"):format(owner, name), 3) end
  field.column = field.column or column_of(name, field.type)
  return field
end

--- An object type. `name` makes it a component of its own in OpenAPI; nil: inline.
function M.object(name, rows, options)
  local object = { type = "object", name = name, fields = {}, by = {} }
  for key, value in pairs(options or {}) do object[key] = value end
  for i, row in ipairs(rows) do
    local field = field_of(row, name or "object")
    if object.by[field.name] then error(("schema %s: %s is declared twice"):format(name, field.name), 2) end
    object.fields[i] = field
    object.by[field.name] = field
  end
  return object
end

--- An array of `items`: a row without a name (`{ "integer", min = 0 }`), or an object.
function M.array(items, options)
  local spec = { type = "array" }
  if items.type == "object" then
    spec.items = items
  else
    spec.items = { type = items[1] }
    for key, value in pairs(items) do
      if key ~= 1 then spec.items[key] = value end
    end
  end
  for key, value in pairs(options or {}) do spec[key] = value end
  return spec
end

--- Three values, one a phase.
function M.phases(item)
  return M.array(item, { min_items = 3, max_items = 3 })
end

local STORE_TYPES = { string = "string", integer = "integer", number = "number", boolean = "boolean",
                      time = "integer", json = "json", array = "json", object = "json" }

--- A resource: an object that is stored as a collection and served as a list.
-- spec: name, plural, collection, key, fields, indexes, doc, sort (default order).
function M.resource(spec)
  local resource = M.object(spec.name, spec.fields)
  resource.plural = spec.plural
  resource.collection = spec.collection
  resource.key = spec.key or "id"
  resource.doc = spec.doc
  resource.default_sort = spec.sort or { resource.key }
  resource.indexes = spec.indexes or {}
  if spec.collection and spec.revision ~= false then
    local revision = field_of({ "revision", "integer", read_only = true, required = true,
                                doc = "Grows by one with each change; the ETag." }, spec.name)
    resource.fields[#resource.fields + 1] = revision
    resource.by.revision = revision
  end
  return resource
end

--- The declaration of the collection for kw.store.declare.
function M.collection(resource)
  local fields, indexes = {}, json.array()
  for _, field in ipairs(resource.fields) do
    if not field.live and field.name ~= "revision" then
      fields[field.column] = { type = STORE_TYPES[field.type] }
      if field.index then indexes[#indexes + 1] = { field.column } end
    end
  end
  for _, index in ipairs(resource.indexes) do indexes[#indexes + 1] = index end
  return { name = resource.collection, key = resource.key, fields = fields, indexes = indexes }
end

-- What a client may send: `mode` is "create" or "patch".
local function writable(resource, mode)
  local object = { type = "object", name = resource.name .. (mode == "create" and "Create" or "Patch"),
                   fields = {}, by = {}, mode = mode }
  for _, field in ipairs(resource.fields) do
    local hidden = field.read_only or field.live or field.hidden
    object.by[field.name] = not field.hidden and field or nil
    if not hidden and not (mode == "patch" and field.create_only) then object.fields[#object.fields + 1] = field end
  end
  return object
end

--- May the shown field be null? Whatever is not promised may.
function M.nullable(field)
  if field.type == "array" and not field.null then return false end
  return field.null or field.see or not (field.required or field.default ~= nil)
end

function M.for_create(resource) return writable(resource, "create") end
function M.for_patch(resource) return writable(resource, "patch") end

return M
