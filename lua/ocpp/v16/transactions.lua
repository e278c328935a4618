-- transactions.lua - how a transaction ends: by its station, or because a newer one took its connector.
--
-- Energy is never negative: a missing or smaller meterStop is replaced by what the samples say and the record
-- says so (`estimated`, `suspect`), it is never refused (ocpp.md 0.2, 2.1).

local register = require "ocpp.register"
local state_module = require "ocpp.state"

local M = {}

M.KEEP_S = 30 * 24 * 3600 -- the transaction hash after its end (contract 2)

-- meterStopWh, energyWh, quality
local function count(tx, meter_stop, quality, flags)
  local start, sampled = tx.meter, register.energy(tx)
  if not meter_stop then
    return (start or 0) + sampled, sampled, quality or "estimated"
  end
  if not start then -- the start had no figure: what the samples counted is all that is known
    return meter_stop, sampled, quality or "estimated"
  end
  if meter_stop < start then
    flags[#flags + 1] = "stop-below-start"
    return start + sampled, sampled, quality or "suspect"
  end
  return meter_stop, meter_stop - start, quality or "ok"
end

--- Write the end of a known transaction into the record.
---@param tx table          state's tx:N
---@param at integer        ms UTC
---@param offline boolean
---@param meter_stop integer|nil  Wh as the station said
---@param reason string     stoppedReason
---@param quality string|nil  forced quality ("abandoned")
---@param flags string[]
function M.finish(record, tx, at, offline, meter_stop, reason, quality, flags)
  local stop, energy, mark = count(tx, meter_stop, quality, flags)
  if at < tx.at then
    at, mark = math.max(tx.last_at or tx.at, tx.at), quality or "suspect"
    flags[#flags + 1] = "stop-before-start"
  end
  record:put("tx:" .. tx.id, { id = tx.id, cs = tx.cs, con = tx.con, tag = tx.tag, at = tx.at, meter = tx.meter,
                               energy = tx.energy, done_at = at, abandoned = quality == "abandoned" or nil,
                               expires_ms = record.received_ms + state_module.KEEP_MS })
  local key = "tx:" .. tx.cs .. ":" .. tx.id
  record:event("ev", "tx.ended", {
    con = tx.con, tx = tx.id, ts = at, offline = offline,
    k = ("%s|%s|%s"):format(tx.done_at and "restop" or "stop", tx.cs, tx.id), -- the true end of an abandoned one
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
  M.finish(record, tx, math.min(now, tx.last_at or tx.at), false, nil, "Other", "abandoned", { "abandoned" })
end

return M
