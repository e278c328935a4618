-- docs_page.lua - The API as one readable page: plain HTML and one style sheet, no script.
--
-- Made from the same tables as the OpenAPI document, at the first request. Everything that comes from a
-- declaration is escaped.

local api = require("kw.api")
local openapi = require("kw.openapi")
local problem = require("kw.problem")
local settings = require("kw.settings")

local M = {}

local ESCAPES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

local function escape(text)
  return (tostring(text):gsub('[&<>"]', ESCAPES):gsub("`([^`]*)`", "<code>%1</code>"))
end

local function type_of(field)
  if field.type == "array" then return type_of(field.items) .. "[]" end
  if field.type == "object" then return field.object_name or "object" end
  return field.type
end

local function rules(field)
  local list = {}
  if field.required then list[#list + 1] = "required" end
  if field.enum then list[#list + 1] = table.concat(field.enum, " | ") end
  if field.min or field.max then list[#list + 1] = ("%s..%s"):format(field.min or "", field.max or "") end
  if field.unit then list[#list + 1] = field.unit end
  return table.concat(list, ", ")
end

local function fields(out, title, object, skip)
  out[#out + 1] = ("<h4>%s</h4><table><tbody>"):format(title)
  for _, field in ipairs(object.fields) do
    if not field.hidden and not skip(field) then
      out[#out + 1] = ("<tr><td><code>%s</code></td><td>%s</td><td>%s</td><td>%s</td></tr>"):format(
        escape(field.name), escape(type_of(field)), escape(rules(field)), escape(field.doc))
    end
  end
  out[#out + 1] = "</tbody></table>"
end

local function operation(out, op)
  out[#out + 1] = ('<section id="%s"><h3><b>%s</b> <code>%s</code></h3><p>%s</p><p class="right">%s</p>'):format(
    op.id, op.method, escape(op.path), escape(op.summary),
    op.right == "public" and "no sign-in" or op.right == "own" and "signed in" or "right <code>" .. op.right
      .. "</code>")
  if op.plan and op.plan.order[1] then
    local parameters = { fields = op.plan.order }
    fields(out, "Query", parameters, function() return false end)
  end
  if op.body and op.body.fields then
    fields(out, "Body", op.body, function(field) return op.body.mode and (field.read_only or field.live) end)
  end
  if op.answer then fields(out, "Answer " .. op.status, op.answer, function(field) return field.write_only end) end
  out[#out + 1] = ("<p>Refusals: %s</p></section>"):format(table.concat(openapi.refusals(op), ", "))
end

local function build()
  local out = { '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Kilowatch API</title>',
                '<meta name="viewport" content="width=device-width, initial-scale=1">',
                ('<link rel="stylesheet" href="%s/docs/style.css"></head><body><main>'):format(api.base),
                ("<h1>Kilowatch API</h1><p>Version %s. Base <code>%s</code>. As data: "):format(
                  escape(settings.version()), api.base),
                ('<a href="%s/openapi.json">openapi.json</a>.</p><nav><ul>'):format(api.base) }
  for _, op in ipairs(api.operations) do
    out[#out + 1] = ('<li><a href="#%s">%s %s</a></li>'):format(op.id, op.method, escape(op.path))
  end
  out[#out + 1] = "</ul></nav>"
  for _, op in ipairs(api.operations) do operation(out, op) end
  out[#out + 1] = '<section id="codes"><h3>Codes of problems</h3><table><tbody>'
  local codes = {}
  for code in pairs(problem.codes) do codes[#codes + 1] = code end
  table.sort(codes)
  for _, code in ipairs(codes) do
    out[#out + 1] = ("<tr><td><code>%s</code></td><td>%s</td></tr>"):format(code, escape(problem.codes[code]))
  end
  out[#out + 1] = "</tbody></table></section></main></body></html>"
  return table.concat(out, "\n")
end

local html

function M.html()
  html = html or build()
  return html
end

function M.css()
  return [[
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 64rem; margin: 0 auto; padding: 1rem; }
nav ul { columns: 20rem; padding-left: 1rem; font-size: .875rem; }
section { border-top: 1px solid color-mix(in srgb, currentColor 25%, transparent); padding: .5rem 0; }
h3 { margin: .5rem 0; } h4 { margin: .75rem 0 .25rem; font-size: .875rem; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
td { padding: .125rem .75rem .125rem 0; vertical-align: top; }
.right { font-size: .875rem; }
]]
end

return M
