-- start_transaction.lua - StartTransaction (OCPP 1.6 4.8).
--
-- A repetition has a new message id and the same content: it gets the same transaction id (ocpp.md 0.1).
-- The tag is checked again; a refused tag still gets an id and a record. A transaction that is still open
-- on the connector is closed as abandoned, at its last sample.

local parse = require "ocpp.parse"
local state_module = require "ocpp.state"
local transactions = require "ocpp.v16.transactions"

return function(request, record, gateway)
  local cs, state = record.cs, record.state
  local con = parse.integer(request.connectorId) or 0
  local tag = parse.id_tag(request.idTag)
  local at, offline, flag = record:moment(request.timestamp)
  local meter = parse.register_wh(request.meterStart)
  local raw_ts = parse.text(request.timestamp, 64) or ("rts" .. record.received_ms)
  local memory = ("dd:%s|%d|%s|%s|%s"):format(cs, con, tag or "", raw_ts, tostring(request.meterStart))
  local info = gateway.tokens:id_tag_info(tag, record) -- may wait, so it comes before all else
  local before = state:get(memory)
  if before then return { transactionId = before.id, idTagInfo = info } end

  local open = state:active_transaction(cs, con)
  if open then transactions.abandon(record, open, at) end

  local id = state:next_transaction_id(record.received_ms)
  local remote = gateway.sessions:take_remote_start(cs, con, tag, record.received_ms)
  local reservation = parse.integer(request.reservationId)
  record:put("n:tx", id)
  record:put(memory, { id = id, expires_ms = record.received_ms + state_module.KEEP_MS })
  record:put("tx:" .. id, { id = id, cs = cs, con = con, tag = tag, at = at, meter = meter, last_at = at })
  local flags = {}
  if flag then flags[#flags + 1] = flag end
  if not meter then flags[#flags + 1] = "no-meter-start" end
  record:event("ev", "tx.started", {
    con = con, tx = id, ts = at, offline = offline, k = ("start|%s|%d"):format(cs, id),
    d = { idToken = tag or "", type = "Local", meterStartWh = meter, authStatus = info.status, remoteStartId = remote,
          reservationId = reservation, chargingState = "Charging", flags = #flags > 0 and flags or nil },
    add = { { "stations", cs } },
    zadd = { { "tx:active", cs .. "|" .. id, at } },
    set = {
      { "tx:" .. cs .. ":" .. id, "startTs", at, {
        evseId = con, connectorId = 1, idToken = tag or "", idTokenType = "Local", authStatus = info.status,
        startTs = at, startRts = record.received_ms, meterStartWh = meter, chargingState = "Charging",
        remoteStartId = remote, reservationId = reservation, offline = offline and 1 or 0, lastTs = at, quality = "ok",
      } },
      { record.conn_key(cs, con), "txTs", at, { txId = id, idToken = tag or "", txTs = at, ocppConnectorId = con } },
    },
  })
  return { transactionId = id, idTagInfo = info }
end
