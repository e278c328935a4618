-- stop_transaction.lua - StopTransaction (OCPP 1.6 4.10). It cannot be refused: an unknown or repeated one
-- is answered as if valid, and what it says is kept as an orphan record.

local parse = require "ocpp.parse"
local state_module = require "ocpp.state"
local meter_values = require "ocpp.v16.handlers.meter_values"
local transactions = require "ocpp.v16.transactions"

local function find(record, request, tag)
  local id = parse.integer(request.transactionId)
  if id and id > 0 then return record.state:transaction(record.cs, id), id end
  -- Without a usable id: only a match that cannot be wrong (ocpp.md 2.1).
  local match, count = nil, 0
  for _, tx_id in pairs(record.state.active) do
    local tx = record.state:get("tx:" .. tx_id)
    if tx.cs == record.cs and (tx.tag == tag or not tag) then match, count = tx, count + 1 end
  end
  return count == 1 and match or nil, id
end

return function(request, record, gateway)
  local cs = record.cs
  local tag = parse.id_tag(request.idTag)
  local at, offline, flag = record:moment(request.timestamp)
  local meter = parse.register_wh(request.meterStop)
  local answer = tag and { idTagInfo = gateway.tokens:id_tag_info(tag, record) } or {}
  local tx, id = find(record, request, tag)
  if tx and tx.done_at and not tx.abandoned then return answer end -- said before
  local raw_ts = parse.text(request.timestamp, 64) or "none"
  local memory = ("sp:%s|%s|%s|%s"):format(cs, tostring(id), raw_ts, tostring(request.meterStop))
  if not tx or not (id and id > 0) then -- nothing but its content tells a repetition
    if record.state:get(memory) then return answer end
    record:put(memory, { expires_ms = record.received_ms + state_module.KEEP_MS })
  end

  if type(request.transactionData) == "table" then
    meter_values.store(record, tx and tx.con or 0, tx and tx.id or id, request.transactionData)
    tx = tx and record.state:get("tx:" .. tx.id)
  end
  local reason = parse.text(request.reason, 32) or "Local"
  local flags = {}
  if flag then flags[#flags + 1] = flag end
  if tx then
    transactions.finish(record, tx, at, offline, meter, reason, nil, flags)
  else
    flags[#flags + 1] = "orphan"
    record:event("ev", "tx.ended", {
      tx = id and id > 0 and id or ("orphan-" .. at), ts = at, offline = offline, k = memory,
      d = { meterStopWh = meter, stoppedReason = reason, idToken = tag or "", quality = "suspect", flags = flags },
    })
  end
  return answer
end
