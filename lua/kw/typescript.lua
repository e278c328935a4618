-- typescript.lua - The OpenAPI document as TypeScript types: `paths` and `components`, as openapi-fetch wants.
--
-- Works on the document that kw.openapi makes, so it can say nothing else than the document. Property names
-- are sorted: the same declarations give the same bytes.

local M = {}

local PRIMITIVES = { string = "string", integer = "number", number = "number", boolean = "boolean", null = "null" }

local function sorted(object)
  local names = {}
  for name in pairs(object) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function quoted(value)
  if type(value) == "string" then return "'" .. value:gsub("[\\']", "\\%0") .. "'" end
  if type(value) == "userdata" then return "null" end
  return tostring(value)
end

local function property_name(name)
  return name:find("^[%a_][%w_]*$") and name or quoted(name)
end

local type_of

local function enum_of(values)
  local list = {}
  for i, value in ipairs(values) do list[i] = quoted(value) end
  return table.concat(list, " | ")
end

local function object_of(node, indent)
  local required = {}
  for _, name in ipairs(node.required or {}) do required[name] = true end
  local inner, lines = indent .. "  ", { "{" }
  for _, name in ipairs(sorted(node.properties or {})) do
    local field = node.properties[name]
    if field.description then
      lines[#lines + 1] = ("%s/** %s */"):format(inner, (field.description:gsub("%*/", "* /")))
    end
    lines[#lines + 1] = ("%s%s%s: %s;"):format(inner, property_name(name), required[name] and "" or "?",
      type_of(field, inner))
  end
  lines[#lines + 1] = indent .. "}"
  return table.concat(lines, "\n")
end

local function one_type(name, node, indent)
  if name == "array" then
    local items = type_of(node.items or {}, indent)
    return items:find("[|]") and ("(%s)[]"):format(items) or items .. "[]"
  end
  if name == "object" then
    return node.properties and object_of(node, indent) or "Record<string, unknown>"
  end
  return PRIMITIVES[name]
end

--- The TypeScript type of a JSON Schema.
function type_of(node, indent)
  if node["$ref"] then return ("components['schemas']['%s']"):format(node["$ref"]:match("([^/]+)$")) end
  if node.enum then return enum_of(node.enum) end
  local parts = {}
  for i, one in ipairs(node.anyOf or {}) do parts[i] = type_of(one, indent) end
  if node.anyOf then return table.concat(parts, " | ") end
  if node.type == nil then return "unknown" end
  local names = type(node.type) == "table" and node.type or { node.type }
  for i, name in ipairs(names) do parts[i] = one_type(name, node, indent) end
  return table.concat(parts, " | ")
end

local PLACES = { "query", "header", "path", "cookie" }

local function parameters_of(operation)
  local by_place = {}
  for _, parameter in ipairs(operation.parameters or {}) do
    local list = by_place[parameter["in"]] or { optional = true }
    by_place[parameter["in"]] = list
    list.optional = list.optional and not parameter.required
    list[#list + 1] = ("%s%s: %s"):format(property_name(parameter.name), parameter.required and "" or "?",
      type_of(parameter.schema, ""))
  end
  local parts = {}
  for i, place in ipairs(PLACES) do
    local list = by_place[place]
    parts[i] = list and ("%s%s: { %s }"):format(place, list.optional and "?" or "", table.concat(list, "; "))
      or place .. "?: never"
  end
  return "{ " .. table.concat(parts, "; ") .. " }"
end

local function content_of(content, indent)
  local media, body = next(content)
  return ("{ '%s': %s }"):format(media, type_of(body.schema, indent))
end

local function operation_of(operation, indent)
  local inner = indent .. "  "
  local lines = { "{", ("%sparameters: %s;"):format(inner, parameters_of(operation)) }
  local body = operation.requestBody
  if body then
    lines[#lines + 1] = ("%srequestBody: { content: %s };"):format(inner, content_of(body.content, inner))
  else
    lines[#lines + 1] = inner .. "requestBody?: never;"
  end
  local answers = {}
  for _, status in ipairs(sorted(operation.responses)) do
    local answer = operation.responses[status]
    if status:find("^2") then
      answers[#answers + 1] = ("%s: { %s }"):format(status,
        answer.content and "content: " .. content_of(answer.content, inner) or "content?: never")
    end
  end
  answers[#answers + 1] = "default: Refused"
  lines[#lines + 1] = ("%sresponses: { %s };"):format(inner, table.concat(answers, "; "))
  lines[#lines + 1] = indent .. "}"
  return table.concat(lines, "\n")
end

local HEAD = [[
// schema.gen.ts - Types of the REST API, generated from its schema by tools/types.lua. Do not edit.
// Refresh: build/release/kilowatch run tools/types.lua web/src/api/schema.gen.ts

type Refused = { content: { 'application/problem+json': components['schemas']['Problem'] } };
]]

--- The text of the file for an OpenAPI document.
function M.text(document)
  local out = { HEAD, "export interface paths {" }
  for _, path in ipairs(sorted(document.paths)) do
    out[#out + 1] = ("  '%s': {"):format(path)
    for _, method in ipairs(sorted(document.paths[path])) do
      out[#out + 1] = ("    %s: %s;"):format(method, operation_of(document.paths[path][method], "    "))
    end
    out[#out + 1] = "  };"
  end
  out[#out + 1] = "}\n\nexport interface components {\n  schemas: {"
  for _, name in ipairs(sorted(document.components.schemas)) do
    out[#out + 1] = ("    %s: %s;"):format(name, type_of(document.components.schemas[name], "    "))
  end
  out[#out + 1] = "  };\n}\n"
  return (table.concat(out, "\n"):gsub("[ \t]+\n", "\n"))
end

return M
