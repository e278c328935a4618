-- transactions.lua - how a transaction ends: by its station, or because a newer one took its connector.
--
-- Energy is never negative: a missing or smaller meterStop is replaced by the last sample and the record
-- says so (`estimated`, `suspect`), it is never refused (ocpp.md 0.2, 2.1).

local state_module = require "ocpp.state"

local M = {}

M.KEEP_S = 30 * 24 * 3600 -- the transaction hash after its end (contract 2)

--- Write the end of a known transaction into the record.
---@param tx table          state's tx:N
---@param at integer        ms UTC
---@param offline boolean
---@param meter_stop integer|nil  Wh as the station said
---@param reason string     stoppedReason
---@param quality string|nil  forced quality ("abandoned")
---@param flags string[]
function M.finish(record, tx, at, offline, meter_stop, reason, quality, flags)
  local stop, mark = meter_stop, quality or "ok"
  local start = tx.meter or 0
  if not stop then
    stop, mark = tx.last or start, quality or "estimated"
  elseif stop < start then
    stop, mark = math.max(tx.last or start, start), quality or "suspect"
    flags[#flags + 1] = "stop-below-start"
  end
  if at < tx.at then
    at, mark = math.max(tx.last_at or tx.at, tx.at), quality or "suspect"
    flags[#flags + 1] = "stop-before-start"
  end
  local energy = stop - start
  local done = {}
  for name, value in pairs(tx) do done[name] = value end
  done.done_at, done.expires_ms = at, record.received_ms + state_module.KEEP_MS
  record:put("tx:" .. tx.id, done)
  local key = "tx:" .. tx.cs .. ":" .. tx.id
  record:event("ev", "tx.ended", {
    con = tx.con, tx = tx.id, ts = at, offline = offline, k = ("stop|%s|%s"):format(tx.cs, tx.id),
    d = { meterStopWh = stop, energyWh = energy, stoppedReason = reason, idToken = tx.tag or "", quality = mark,
          flags = #flags > 0 and flags or nil },
    zrem = { { "tx:active", tx.cs .. "|" .. tx.id } },
    expire = { { key, M.KEEP_S } },
    del = { { record.conn_key(tx.cs, tx.con), { "txId", "idToken" }, "txId", tostring(tx.id) } },
    set = { { key, "endTs", at, { endTs = at, meterStopWh = stop, energyWh = energy, stoppedReason = reason,
                                  quality = mark, lastTs = at } } },
  })
end

--- A newer StartTransaction took the connector: the older one ends at its last sample.
function M.abandon(record, tx, now)
  M.finish(record, tx, math.min(now, tx.last_at or tx.at), false, tx.last, "Other", "abandoned", { "abandoned" })
end

return M
