-- system.lua - Health for people, the audit trail, and the description of the API itself.

local json = require("kw.json")
local complex = require("kw.complex")
local crypto = require("kw.crypto")
local settings = require("kw.settings")
local time = require("kw.time")
local api = require("kw.api")
local audit = require("kw.audit")
local complex_api = require("api.complex")
local docs_page = require("kw.docs_page")
local openapi = require("kw.openapi")
local present = require("kw.present")
local resource = require("kw.resource")
local schema = require("kw.schema")

local M = {}

local started_ms = time.now_ms()

api.operation {
  method = "GET", path = "/system", id = "getSystem", tag = "system", right = "system.view",
  summary = "Versions and health",
  answer = schema.object("System", {
    { "version", "string", required = true, doc = "Version of the program." },
    { "started_at", "time", required = true, doc = "Start of the service." },
    { "uptime_s", "integer", required = true, unit = "s", doc = "Since then." },
    { "lua_bytes", "integer", required = true, unit = "B", doc = "Memory of the service's Lua." },
    { "feed", complex_api.feed, required = true, doc = "The source of the data." },
    { "site", schema.object("SiteState", {
      { "state", "string", required = true, doc = "`none`, `ok` or `faulty`." },
      { "faults", schema.array(schema.object("SiteFault", {
        { "name", "string", required = true, doc = "Script." },
        { "state", "string", required = true, doc = "`failed` or `off`." },
        { "error", "string", doc = "Last error, with file and line." } })), required = true, doc = "What is wrong." },
    }), required = true, doc = "Scripts of the site." },
  }),
  handler = function()
    local state, faults = "none", json.array()
    local found, site = pcall(require, "kw.site")
    if found then
      local status = site.status()
      state = status.state or "none"
      for _, entry in ipairs(status.entries or {}) do
        if entry.state ~= "ok" then
          faults[#faults + 1] = { name = entry.name, state = entry.state, error = entry.error or json.null }
        end
      end
    end
    local feed = complex.feed()
    return 200, { version = settings.version(), started_at = present.time(started_ms),
                  uptime_s = (time.now_ms() - started_ms) // 1000,
                    lua_bytes = math.floor(collectgarbage("count") * 1024),
                  feed = { state = feed.state, lag_ms = feed.lag_ms, last_event_at = feed.last_event_at },
                  site = { state = state, faults = faults } }
  end,
}

resource.serve { resource = audit.resource, path = "/audit", tag = "audit", one = "audit_entry", view = "audit.view",
                 edit = "audit.view", operations = { list = true }, list_id = "listAudit",
                 query = { { name = "from", type = "time", doc = "At this time or later." },
                           { name = "to", type = "time", doc = "Before this time." } },
                 where = function(asked)
                   local from, to = asked.given.from, asked.given.to
                   if from then asked.where[#asked.where + 1] = { "at_ms", ">=", from } end
                   if to then asked.where[#asked.where + 1] = { "at_ms", "<", to } end
                 end }

-- --- the API about itself ---

local text, etag

local function describe(req)
  if not text then
    text = json.encode(openapi.build(settings.version()))
    etag = '"' .. crypto.sha256(text):sub(1, 24) .. '"'
  end
  if req:header("if-none-match") == etag then return 304, nil, { ETag = etag } end
  return 200, text, { ["Content-Type"] = "application/json; charset=utf-8", ETag = etag,
                      ["Cache-Control"] = "no-cache" }
end

api.operation { method = "GET", path = "/openapi.json", id = "getOpenapi", tag = "system", right = "public",
                summary = "This API as OpenAPI 3.1", content = "application/json", handler = describe }

local function page(name, kind)
  return function()
    return 200, docs_page[name](), { ["Content-Type"] = kind, ["Cache-Control"] = "no-cache" }
  end
end

api.operation { method = "GET", path = "/docs", id = "getDocs", tag = "system", right = "public",
                summary = "This API as a page", content = "text/html", handler = page("html",
                  "text/html; charset=utf-8") }
api.operation { method = "GET", path = "/docs/style.css", id = "getDocsStyle", tag = "system", right = "public",
                summary = "Style of the page", content = "text/css", handler = page("css", "text/css; charset=utf-8") }

return M
