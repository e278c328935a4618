-- complex.lua - The whole complex in one object, and what a page may read before sign-in.
--
-- The numbers are the live model's; `kw.complex.json()` is the same text that the live topic sends.

local settings = require("kw.settings")
local complex = require("kw.complex")
local api = require("kw.api")
local schema = require("kw.schema")
local setup_code = require("kw.setup_code")

local M = {}

local function count(name, doc) return { name, "integer", required = true, doc = doc } end

M.feed = schema.object("Feed", {
  { "state", "string", enum = { "live", "stale", "lost" }, required = true, doc = "State of the source of the data." },
  { "lag_ms", "integer", unit = "ms", doc = "Age of the last event when it was applied." },
  { "last_event_at", "time", doc = "Time of the last event." },
})

M.object = schema.object("Complex", {
  { "name", "string", required = true, doc = "Name." },
  { "zone", "string", required = true, doc = "IANA time zone." },
  { "stations", schema.object("StationCounts", {
    count("total", "Registered stations."), count("available", "Free."), count("preparing", "A car is connected."),
    count("charging", "Charging."), count("suspended", "Connected, drawing nothing."),
    count("finishing", "Done, cable still in."), count("reserved", "Reserved."), count("faulted", "Faulted."),
    count("unavailable", "Out of service."), count("offline", "Not connected."), count("unknown", "State not known."),
  }), required = true, doc = "Stations by state." },
  { "power_w", "integer", unit = "W", doc = "Power now." },
  { "current_ma", schema.phases({ "integer", null = true }), doc = "Current now, a phase." },
  { "limit_ma", schema.phases({ "integer", null = true }), null = true,
    doc = "Limit of the grid connection, a phase." },
  { "limit_w", "integer", unit = "W", doc = "Limit of the grid connection." },
  { "energy_today_wh", "integer", unit = "Wh", doc = "Energy since local midnight." },
  { "active_transactions", "integer", required = true, doc = "Open transactions." },
  { "waiting", "integer", doc = "Cars that wait for current; null: balancing is off." },
  { "withheld_w", "integer", unit = "W", doc = "Power withheld by balancing; null: balancing is off." },
  { "alerts", schema.object("AlertCounts", {
    { "critical", "integer", doc = "Critical." }, { "warning", "integer", doc = "Warnings." },
    { "info", "integer", doc = "Information." } }), null = true, doc = "Open alerts." },
  { "feed", M.feed, required = true, doc = "The source of the data." },
  { "as_of", "time", doc = "When these numbers held." },
})

local HEADERS = { ["Content-Type"] = "application/json; charset=utf-8", ["Cache-Control"] = "no-store" }

api.operation {
  method = "GET", path = "/complex", id = "getComplex", tag = "monitoring", right = "monitoring.view",
  summary = "The whole complex now", answer = M.object,
  handler = function() return 200, complex.json(), HEADERS end,
}

api.operation {
  method = "GET", path = "/public", id = "getPublic", tag = "session", right = "public",
  summary = "What a page may know before sign-in",
  answer = schema.object("Public", {
    { "name", "string", required = true, doc = "Name of the complex." },
    { "zone", "string", required = true, doc = "IANA time zone." },
    { "version", "string", required = true, doc = "Version of the program." },
    { "contact", "string", required = true, doc = "Whom to ask for an account; may be empty." },
    { "setup_needed", "boolean", required = true, doc = "The first administrator is still missing." },
  }),
  handler = function()
    return 200, { name = settings.get("complex_name"), zone = settings.get("zone"), version = settings.version(),
                  contact = settings.get("contact") or "", setup_needed = setup_code.current() ~= nil }
  end,
}

return M
