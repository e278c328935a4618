-- api_document_test.lua - What the API says about itself: every operation described, types up to date.

local fake = require("support.service_host")
local json = require("kw.json")

local function references(node, list)
  if type(node) ~= "table" then return list end
  for name, value in pairs(node) do
    if name == "$ref" then list[#list + 1] = value end
    references(value, list)
  end
  return list
end

return {
  { "every route is described, and nothing else", function(t)
    local host = fake.new()
    local _, text = host:call("GET", "/openapi.json", { cookie = false })
    local document = json.decode(text)
    local described = 0
    for path, operations in pairs(document.paths) do
      for method in pairs(operations) do
        described = described + 1
        local found = false
        for _, route in ipairs(host.routes) do
          found = found or (route.method == method:upper() and route.pattern == "/api/v1" .. path)
        end
        t.ok(found, ("%s %s is described but not served"):format(method, path))
      end
    end
    t.equal(described, #host.routes, "as many as there are routes")
    for _, reference in ipairs(references(document, {})) do
      local name = reference:match("^#/components/schemas/(.+)$")
      t.ok(name and document.components.schemas[name], reference .. " leads somewhere")
    end
    local ids = {}
    for _, operations in pairs(document.paths) do
      for _, operation in pairs(operations) do
        t.ok(not ids[operation.operationId], operation.operationId .. " is used once")
        ids[operation.operationId] = true
      end
    end
  end },

  { "an operation without a right stops the start", function(t)
    fake.new()
    local api = require("kw.api")
    local op = { method = "GET", path = "/x", id = "x", tag = "x", summary = "x", handler = print }
    t.fails(function() api.operation(op) end, "no known right")
    op.right = "stations.fly"
    t.fails(function() api.operation(op) end, "no known right")
  end },

  { "the page needs no script and escapes", function(t)
    local host = fake.new()
    local status, page, headers = host:call("GET", "/docs", { cookie = false })
    t.equal({ status, headers["Content-Type"] }, { 200, "text/html; charset=utf-8" }, "a page")
    t.ok(not page:find("<script", 1, true) and not page:find(" style=", 1, true), "that obeys the policy")
    t.ok(page:find("/stations/{id}/commands", 1, true), "with every path")
  end },

  { "the generated types are up to date", function(t)
    local program = os.getenv("KW_BIN")
    if not program then
      local link <close> = assert(io.popen("readlink /proc/$PPID/exe"))
      program = link:read("l")
    end
    local fresh = os.execute(("'%s' run tools/types.lua --check web/src/api/schema.gen.ts 2>/dev/null"):format(program))
    t.ok(fresh, "run: kilowatch run tools/types.lua web/src/api/schema.gen.ts")
  end },
}
