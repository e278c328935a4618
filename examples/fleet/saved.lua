-- saved.lua - what the fleet remembers over a restart: registers, and transactions that were open.
--
-- A meter register never goes back, so it is kept. A transaction that was open when the fleet stopped ends
-- as after a power cut: at the next start its station sends a StopTransaction with the register of that
-- moment. Written beside and renamed, so that a crash leaves the older state and not half a file.

local json = require "kw.json"

local M = {}

--- @return table  station id -> connector id (text) -> {register_wh, open?}
function M.load(path)
  local file = path and io.open(path, "r")
  if not file then return {} end
  local text = file:read("a")
  file:close()
  local state, why = json.decode(text)
  if type(state) ~= "table" then error(path .. ": " .. tostring(why), 0) end
  return state
end

function M.save(path, stations)
  local state = {}
  for _, station in ipairs(stations) do
    local of_station = {}
    for _, each in ipairs(station.connectors) do
      local tx = each.tx
      of_station[tostring(each.id)] = {
        register_wh = math.floor(each.register_wh),
        open = tx and tx.id and { id = tx.id, tag = tx.tag, meter_start_wh = tx.meter_start_wh,
                                  started_ms = tx.started_ms, seen_ms = station.world:wall_ms() } or nil,
      }
    end
    state[station.id] = of_station
  end
  local file, why = io.open(path .. ".new", "w")
  if not file then error(why, 0) end
  file:write(json.encode(state))
  file:close()
  assert(os.rename(path .. ".new", path))
end

--- End what was open when the fleet stopped.
function M.end_open(station, saved)
  for _, each in ipairs(station.connectors) do
    local of_connector = saved and saved[tostring(each.id)]
    local open = of_connector and of_connector.open
    if open then
      station:stop_transaction(each, {
        id = open.id, connector_id = each.id, tag = open.tag, meter_start_wh = open.meter_start_wh,
        meter_stop_wh = of_connector.register_wh, started_ms = open.started_ms, stopped_ms = open.seen_ms,
        reason = "PowerLoss",
      })
    end
  end
end

return M
