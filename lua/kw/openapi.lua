-- openapi.lua - The OpenAPI 3.1 document, made from the table of operations and the schemas.
--
-- Objects with a name become components; others stand where they are used. The text is made once, at the
-- first request, and has an ETag: the declarations do not change while the program runs.

local json = require("kw.json")
local api = require("kw.api")
local problem = require("kw.problem")
local schema = require("kw.schema")

local M = {}

local TYPES = { string = "string", integer = "integer", number = "number", boolean = "boolean", time = "string" }

local function sorted_codes()
  local list = {}
  for code in pairs(problem.codes) do list[#list + 1] = code end
  table.sort(list)
  return json.array(list)
end

local Document = {}
Document.__index = Document

local function with_null(node, nullable)
  if not nullable then return node end
  if node["$ref"] then return { anyOf = { node, { type = "null" } } } end
  if node.type then node.type = { node.type, "null" } end
  if node.enum then
    local list = json.array()
    for i, value in ipairs(node.enum) do list[i] = value end
    list[#list + 1] = json.null
    node.enum = list
  end
  return node
end

-- The schema of one value. `mode`: nil (answers), "create" or "patch" (bodies).
function Document:value(spec, mode)
  local node
  if spec.type == "json" then
    return { description = spec.doc }
  elseif spec.type == "object" then
    node = self:object(spec, mode)
  elseif spec.type == "array" then
    node = { type = "array", items = with_null(self:value(spec.items, mode), spec.items.null),
             minItems = spec.min_items, maxItems = spec.max_items }
  else
    node = { type = TYPES[spec.type], enum = spec.enum and json.array({ table.unpack(spec.enum) }), minimum = spec.min,
             maximum = spec.max, minLength = spec.min_length, pattern = spec.pattern,
             maxLength = mode and spec.type == "string" and (spec.max_length or 1000) or nil,
             format = spec.type == "time" and "date-time" or spec.format }
  end
  return node
end

function Document:field(field, mode)
  local nullable = field.null
  if not mode then nullable = schema.nullable(field) end
  local node = with_null(self:value(field, mode), nullable)
  local text = field.doc
  if field.unit then text = ("%s [%s]"):format(text, field.unit) end
  if node["$ref"] then return { ["$ref"] = node["$ref"], description = text } end
  node.description = text
  if not mode and (field.read_only or field.live) then node.readOnly = true end
  if field.write_only then node.writeOnly = true end
  if mode and mode ~= "patch" and field.default ~= nil then node.default = field.default end
  return node
end

local function is_required(field, mode)
  if mode == "patch" then return nil end
  if mode then return field.required and field.default == nil and not field.read_only end
  return not field.write_only
end

function Document:fields(object, mode)
  local properties, required = {}, json.array()
  for _, field in ipairs(object.fields) do
    local skipped = field.hidden or (mode and (field.read_only or field.live))
    if not skipped then
      properties[field.name] = self:field(field, mode)
      if is_required(field, mode) then required[#required + 1] = field.name end
    end
  end
  return { type = "object", properties = properties, required = required[1] and required or nil,
           additionalProperties = false, description = object.doc }
end

function Document:object(object, mode)
  local name = object.object_name or object.name
  if object.object_name == nil and object.column then name = nil end -- an inline object of a field
  if not name then return self:fields(object, mode) end
  if mode and not object.mode then name = name .. "Input" end
  local known = self.components[name]
  if known and known ~= object.fields then error(("openapi: two schemas are called %s"):format(name)) end
  if not known then
    self.components[name] = object.fields
    self.schemas[name] = self:fields(object, mode)
  end
  return { ["$ref"] = "#/components/schemas/" .. name }
end

local PROBLEM = { description = "Refused", content = { ["application/problem+json"] = {
  schema = { ["$ref"] = "#/components/schemas/Problem" } } } }

local TITLES = { [400] = "Malformed, or an unknown query name", [401] = "Not signed in", [403] = "Not allowed",
                 [404] = "Not there, or not to be seen", [409] = "Does not fit what is there",
                   [412] = "Changed meanwhile",
                 [415] = "Not JSON", [422] = "Fields are wrong", [428] = "If-Match is missing",
                   [429] = "Too many attempts",
                 [502] = "The complex does not answer", [503] = "Busy" }

--- The statuses with which an operation may refuse, in order.
function M.refusals(op)
  local set = { [400] = true, [503] = true }
  if op.right ~= "public" then set[401] = true end
  if op.right ~= "public" and op.right ~= "own" or op.unsafe then set[403] = true end
  if op.path_parameters[1] then set[404] = true end
  if op.body then set[415], set[422] = true, true end
  if op.if_match then set[412], set[428], set[409] = true, true, true end
  if op.idempotent or op.method == "DELETE" then set[409] = true end
  for _, status in ipairs(op.errors or {}) do set[status] = true end
  local list = {}
  for status in pairs(set) do list[#list + 1] = status end
  table.sort(list)
  return list
end

local function parameter_schema(document, parameter)
  local node = document:value(parameter.type == "array" and parameter.items or parameter, "query")
  node.default = parameter.default
  if parameter.many then return { type = "array", items = node } end
  return node
end

local function parameters(document, op)
  local list = json.array()
  for _, name in ipairs(op.path_parameters) do
    list[#list + 1] = { name = name, ["in"] = "path", required = true, schema = { type = "string" } }
  end
  for _, parameter in ipairs(op.plan and op.plan.order or {}) do
    local text = parameter.doc
    if parameter.sortable then text = text .. " Fields: " .. table.concat(parameter.sortable, ", ") .. "." end
    list[#list + 1] = { name = parameter.name, ["in"] = "query", required = false, description = text,
                        schema = parameter_schema(document, parameter), style = parameter.many and "form" or nil,
                        explode = parameter.many and true or nil }
  end
  if op.if_match then
    list[#list + 1] = { name = "If-Match", ["in"] = "header", required = true, schema = { type = "string" },
                        description = 'The revision that was read, as `"3"`.' }
  end
  if op.idempotent then
    list[#list + 1] = { name = "Idempotency-Key", ["in"] = "header", required = false,
                        schema = { type = "string", maxLength = 128 },
                        description = "The same key gives the same answer for 24 hours." }
  end
  return list[1] and list or nil
end

local function operation(document, op)
  local answers = {}
  local good = { description = op.summary }
  if op.answer then
    good.content = { ["application/json"] = { schema = document:value(op.answer) } }
  elseif op.content then
    good.content = { [op.content] = { schema = { type = op.content == "application/json" and "object" or "string" } } }
  end
  answers[tostring(op.status)] = good
  for _, status in ipairs(M.refusals(op)) do
    answers[tostring(status)] = { description = TITLES[status], content = PROBLEM.content }
  end
  local node = { operationId = op.id, tags = { op.tag }, summary = op.summary, responses = answers,
                 parameters = parameters(document, op), ["x-right"] = op.right }
  if op.body then
    node.requestBody = { required = true, content = { ["application/json"] = {
      schema = document:value(op.body, op.body.mode or "body") } } }
  end
  if op.right == "public" then node.security = json.array() end
  return node
end

local function problem_schema()
  return {
    type = "object", required = { "type", "title", "status", "detail", "code", "request_id" },
    description = "RFC 9457.",
    properties = {
      type = { type = "string" }, title = { type = "string" }, status = { type = "integer" },
      detail = { type = "string" }, request_id = { type = "string" },
      code = { type = "string", description = "A stable word.", examples = sorted_codes() },
      errors = { type = "array", description = "With code `validation`.", items = {
        type = "object", required = { "path", "code", "message" },
        properties = { path = { type = "string" }, code = { type = "string" }, message = { type = "string" } } } },
      current = { type = "object", description = "With code `stale-revision`: the document as it is now." },
    },
  }
end

--- The document as a table. `version` is the program's.
function M.build(version)
  local document = setmetatable({ components = {}, schemas = {} }, Document)
  local paths = {}
  for _, op in ipairs(api.operations) do
    paths[op.path] = paths[op.path] or {}
    paths[op.path][op.method:lower()] = operation(document, op)
  end
  document.schemas.Problem = problem_schema()
  return {
    openapi = "3.1.0", jsonSchemaDialect = "https://json-schema.org/draft/2020-12/schema",
    info = { title = "Kilowatch", version = version,
             description = "Watches and controls a complex of charging stations. Physical values are whole "
               .. "numbers with the unit in the name; times are RFC 3339 in UTC.",
             license = { name = "Apache-2.0", identifier = "Apache-2.0" } },
    servers = { { url = api.base } },
    security = { { session = json.array() }, { token = json.array() } },
    paths = paths,
    components = { schemas = document.schemas, securitySchemes = {
      session = { type = "apiKey", ["in"] = "cookie", name = "__Host-kw_session" },
      token = { type = "http", scheme = "bearer", bearerFormat = "kwt_..." },
    } },
  }
end

return M
