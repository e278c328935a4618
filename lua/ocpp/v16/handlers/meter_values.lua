-- meter_values.lua - MeterValues (OCPP 1.6 4.7): one contract event per MeterValue.
--
-- Always answered {}; what cannot be read is skipped and counted in the event, never stored as zero.

local crypto = require "kw.crypto"
local json = require "kw.json"
local meter = require "ocpp.meter"
local parse = require "ocpp.parse"

local M = {}

M.VALUES_MAX = 1000 -- MeterValue elements of one message

-- A register below the start is session-relative or a reset: keep it out of the transaction's last value.
local function remember(record, tx, register, at)
  if not register or register < (tx.last or 0) then return end
  local copy = {}
  for name, value in pairs(tx) do copy[name] = value end
  copy.last, copy.last_at = register, math.max(at, tx.last_at or at)
  record:put("tx:" .. tx.id, copy)
end

local function store_one(record, con, tx, tx_id, value)
  local cs = record.cs
  local at, offline, flag = record:moment(value.timestamp)
  local samples, context, skipped = meter.samples(value.sampledValue)
  if #samples == 0 then return end
  local register = meter.register_wh(samples)
  local sets
  if not offline then
    local fields = meter.live_fields(samples)
    fields.meterTs = at
    sets = { { con == 0 and "station:" .. cs or record.conn_key(cs, con), "meterTs", at, fields } }
    if tx then
      sets[2] = { "tx:" .. cs .. ":" .. tx.id, "lastTs", at, {
        lastTs = at, energyWh = register and tx.meter and register >= tx.meter and register - tx.meter or nil } }
    end
  end
  if tx and not tx.done_at then remember(record, tx, register, at) end
  record:event("mv", "meter.values", {
    con = con, tx = tx_id, ts = at, offline = offline,
    k = ("mv|%s|%d|%d|%s|%s"):format(cs, con, at, context, crypto.sha1(json.encode(samples))),
    d = { ctx = context, s = samples, skipped = skipped > 0 and skipped or nil, flag = flag }, set = sets,
  })
end

--- Store an array of MeterValue (also StopTransaction's transactionData).
---@param con integer
---@param tx_id integer|nil  as the station said
function M.store(record, con, tx_id, values)
  local stored = 0
  for _, value in ipairs(values) do
    if type(value) == "table" and stored < M.VALUES_MAX then
      -- looked up each time: the record changes it
      local tx = tx_id and tx_id > 0 and record.state:transaction(record.cs, tx_id)
        or record.state:active_transaction(record.cs, con)
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
