-- transactions.lua - The register of charging: live and finished, with sums over any filter.
--
-- The feed writes the rows (store.h, ingest); here they are only read. An id is `STATION~NUMBER`. The node
-- is where the station stood at the start, so moving a station moves no history.

local json = require("kw.json")
local time = require("kw.time")
local api = require("kw.api")
local present = require("kw.present")
local problem = require("kw.problem")
local query = require("kw.query")
local resource = require("kw.resource")
local schema = require("kw.schema")
local store = require("kw.store")

local M = { built_in = true } -- the store's own collection

M.resource = schema.resource {
  name = "Transaction", plural = "transactions", collection = "transactions", sort = { "-started_at" },
  doc = "One charging of one car.",
  fields = {
    { "id", "string", required = true, sort = true, doc = "`STATION~NUMBER`." },
    { "station_id", "string", required = true, filter = true, sort = true, search = true, doc = "Station." },
    { "transaction_id", "string", required = true, search = true, doc = "The station's own number of it." },
    { "connector_id", "integer", sort = true, doc = "Connector." },
    { "key_uid", "string", filter = true, search = true, see = "drivers.view", doc = "RFID key." },
    { "driver_id", "string", filter = true, doc = "Driver at the start." },
    { "driver_name", "string", search = true, sort = true, doc = "The driver's name at the start." },
    { "node_id", "string", filter = "subtree", doc = "Node of the station at the start." },
    { "state", "string", enum = { "active", "finished", "suspicious" }, required = true, filter = true,
      doc = "`suspicious`: finished, with doubts (see flags)." },
    { "started_at", "time", sort = true, doc = "Start, by the station." },
    { "stopped_at", "time", sort = true, doc = "End, by the station." },
    { "meter_start_wh", "integer", unit = "Wh", doc = "Register at the start." },
    { "meter_stop_wh", "integer", unit = "Wh", doc = "Register at the end." },
    { "energy_wh", "integer", sort = true, unit = "Wh", doc = "Energy; so far, while it is active." },
    { "duration_s", "integer", live = true, unit = "s", doc = "From start to end, or to now." },
    { "stop_reason", "string", filter = true, doc = "OCPP reason of the end." },
    { "flags", schema.array({ "string" }), doc = "Doubts, as `estimated`." },
    { "max_power_w", "integer", sort = true, unit = "W", doc = "Highest power that was measured." },
  },
}

local sum_object = schema.object("TransactionSum", {
  { "energy_wh", "integer", required = true, unit = "Wh", doc = "Energy of all transactions under the filter." } })

local function at(asked, column, comparison, value)
  asked.where[#asked.where + 1] = { column, comparison, value }
end

local function show(out, doc)
  local started, stopped = doc.started_ms, doc.stopped_ms
  local to = stopped or (doc.state == "active" and time.now_ms()) or nil
  out.duration_s = started and to and math.max(0, (to - started) // 1000) or json.null
end

local options = resource.serve {
  resource = M.resource, path = "/transactions", tag = "transactions", one = "transaction", node = "node_id",
  view = "transactions.view", edit = "transactions.edit", operations = { list = true, get = true },
  sum = { "energy_wh" }, sum_schema = sum_object, show = show,
  query = {
    { name = "from", type = "time", doc = "Started at this time or later." },
    { name = "to", type = "time", doc = "Started before this time." },
    { name = "min_energy_wh", type = "integer", min = 0, doc = "Only with this energy or more." },
  },
  where = function(asked)
    local given = asked.given
    if given.from then at(asked, "started_ms", ">=", given.from) end
    if given.to then at(asked, "started_ms", "<", given.to) end
    if given.min_energy_wh then at(asked, "energy_wh", ">=", given.min_energy_wh) end
  end,
}

-- --- meter values ---

M.sample = schema.object("MeterValue", {
  { "at", "time", required = true, doc = "Time of the value, by the station." },
  { "measurand", "string", required = true, doc = "As in OCPP, `Power.Active.Import`." },
  { "phase", "string", doc = "`L1`, `L1-N`, ...; null: the whole." },
  { "location", "string", doc = "Where it was measured; null: the outlet." },
  { "context", "string", doc = "As `Sample.Periodic`." },
  { "value", "integer", required = true, doc = "In the unit of `unit`." },
  { "unit", "string", doc = "`W`, `Wh`, `mA`, `mV`, `%`; null: as the station sends it." },
})

local samples = { name = "MeterValue", plural = "meter values", fields = {}, by = {}, key = "connector_id",
                  default_sort = { "at", "measurand", "phase", "location", "context" } }
for _, row in ipairs({ { "at", "at_ms" }, { "measurand", "measurand" }, { "phase", "phase" }, { "location",
  "location" },
                       { "context", "context" } }) do
  samples.by[row[1]] = { name = row[1], column = row[2], type = "string" }
end
samples.by.measurand.filter = true
samples.fields = { { name = "measurand", column = "measurand", type = "string", filter = true, doc = "" } }

local UNITS = { { "^Energy%.", "Wh" }, { "^Power%.Active", "W" }, { "^Power%.Offered", "W" }, { "^Current%.", "mA" },
                { "^Voltage", "mV" }, { "^SoC", "%" } }

local function unit_of(measurand)
  for _, row in ipairs(UNITS) do
    if measurand:find(row[1]) then return row[2] end
  end
  return json.null
end

local function word(text)
  if text == nil or text == "" then return json.null end
  return text
end

local function meter_values(req, caller)
  local doc, status, body, headers = resource.find(options, req, caller, "transactions.view")
  if not doc then return status, body, headers end
  local asked = req.list
  at(asked, "station_id", "=", doc.station_id)
  at(asked, "transaction_id", "=", doc.transaction_id)
  if asked.given.from then at(asked, "at_ms", ">=", asked.given.from) end
  if asked.given.to then at(asked, "at_ms", "<", asked.given.to) end
  local found, slug, detail = store.find("meter_samples", query.request(asked))
  if not found then return problem.of_store(req, slug, detail) end
  local items = {}
  for i, row in ipairs(found.items) do
    items[i] = { at = present.time(row.at_ms), measurand = row.measurand, phase = word(row.phase), value = row.value,
                 location = word(row.location), context = word(row.context), unit = unit_of(row.measurand) }
  end
  return 200, query.page(asked, found, items)
end

api.operation {
  method = "GET", path = "/transactions/{id}/meter-values", id = "listMeterValues", tag = "transactions",
  right = "transactions.view", placed = true, summary = "What the station measured during a transaction",
  list = samples, answer = resource.page_of(M.sample), handler = meter_values,
  query = { { name = "from", type = "time", doc = "At this time or later." },
            { name = "to", type = "time", doc = "Before this time." } },
}

return M
