-- meter_values.lua - MeterValues (OCPP 1.6 4.7): one contract event per MeterValue.
--
-- Always answered {}; what cannot be read is skipped and counted in the event, never stored as zero.

local crypto = require "kw.crypto"
local json = require "kw.json"
local meter = require "ocpp.meter"
local parse = require "ocpp.parse"
local register = require "ocpp.register"

local M = {}

M.VALUES_MAX = 1000 -- MeterValue elements of one message

-- What the register says of the transaction; see register.lua for what is believed.
local function remember(record, tx, figure, at)
  local copy = {}
  for name, value in pairs(tx) do copy[name] = value end
  local believed = register.sample(copy, figure, at)
  record:put("tx:" .. tx.id, copy)
  return copy, believed
end

local function store_one(record, con, tx, tx_id, value)
  local cs = record.cs
  local at, offline, flag = record:moment(value.timestamp)
  local samples, context, skipped = meter.samples(value.sampledValue, record.station.quirks)
  if #samples == 0 then return end
  local figure, doubted = meter.register_wh(samples), nil
  if tx and figure and not tx.done_at then
    local believed
    tx, believed = remember(record, tx, figure, at)
    doubted = not believed and 1 or nil
  end
  local sets
  if not offline then
    local fields = meter.live_fields(samples)
    fields.meterTs = at
    if doubted then fields.energyWh = nil end
    sets = { { con == 0 and "station:" .. cs or record.conn_key(cs, con), "meterTs", at, fields } }
    if tx then
      sets[2] = { "tx:" .. cs .. ":" .. tx.id, "lastTs", at, {
        lastTs = at, energyWh = not tx.done_at and figure and register.energy(tx) or nil } }
    end
  end
  record:event("mv", "meter.values", {
    con = con, tx = tx_id, ts = at, offline = offline,
    k = ("mv|%s|%d|%d|%s|%s"):format(cs, con, at, context, crypto.sha1(json.encode(samples))),
    d = { ctx = context, s = samples, skipped = skipped > 0 and skipped or nil, flag = flag, doubted = doubted },
    set = sets,
  })
end

-- The transaction named, else the connector's active one: a station may leave the number out (ocpp.md 2.1).
local function transaction_of(record, con, tx_id)
  local named = tx_id and tx_id > 0 and record.state:transaction(record.cs, tx_id)
  if named then return named end
  return con > 0 and record.state:active_transaction(record.cs, con) or nil
end

--- Store an array of MeterValue (also StopTransaction's transactionData).
---@param con integer
---@param tx_id integer|nil  as the station said
function M.store(record, con, tx_id, values)
  local stored = 0
  for _, value in ipairs(values) do
    if type(value) == "table" and stored < M.VALUES_MAX then
      -- looked up each time: the record changes it
      local tx = transaction_of(record, con, tx_id)
      store_one(record, con, tx, tx and tx.id or nil, value)
      stored = stored + 1
    end
  end
end

setmetatable(M, { __call = function(_, request, record)
  local con = parse.integer(request.connectorId) or 0
  if type(request.meterValue) == "table" then
    M.store(record, con, parse.integer(request.transactionId), request.meterValue)
  end
  return {}
end })

return M
