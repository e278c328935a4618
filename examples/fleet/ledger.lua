-- ledger.lua - what the central system has acknowledged: the stations' own books for the fault tests.
--
-- One JSON line per acknowledged StartTransaction and StopTransaction, written when the answer has come
-- and before anything else happens. What stands here must be in the store, once, with the same energy.

local json = require "kw.json"

local M = {}
M.__index = M

--- @param path string|nil  nil: keep no ledger
function M.open(path)
  local self = setmetatable({ started = 0, stopped = 0, dropped = 0 }, M)
  if path then
    local file, why = io.open(path, "a")
    if not file then return nil, why end
    self.file = file
  end
  return self
end

local function write(self, row)
  if not self.file then return end
  self.file:write(json.encode(row), "\n")
  self.file:flush()
end

function M:start(station_id, tx)
  self.started = self.started + 1
  write(self, { kind = "start", station_id = station_id, connector_id = tx.connector_id, transaction_id = tx.id,
                key_uid = tx.tag, meter_start_wh = tx.meter_start_wh, started_ms = tx.started_ms })
end

function M:stop(station_id, tx)
  self.stopped = self.stopped + 1
  write(self, { kind = "stop", station_id = station_id, connector_id = tx.connector_id, transaction_id = tx.id,
                key_uid = tx.tag, meter_start_wh = tx.meter_start_wh, meter_stop_wh = tx.meter_stop_wh,
                energy_wh = tx.meter_stop_wh - tx.meter_start_wh, started_ms = tx.started_ms,
                stopped_ms = tx.stopped_ms, reason = tx.reason })
end

--- A message that the station gave up: not acknowledged, so nothing is promised about it.
function M:drop(station_id, action)
  self.dropped = self.dropped + 1
  write(self, { kind = "dropped", station_id = station_id, action = action })
end

--- Everything is answered: the books are closed.
function M:close()
  write(self, { kind = "end", started = self.started, stopped = self.stopped, dropped = self.dropped })
  if self.file then self.file:close() end
  self.file = nil
end

return M
