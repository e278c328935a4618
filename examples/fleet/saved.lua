-- saved.lua - what the fleet remembers over a restart: registers, and transactions that were open.
--
-- A meter register never goes back, so it is kept. For the stations a restart of this program is a while
-- without network: a session that was open goes on, and its car has charged meanwhile. After a long while
-- it ends as after a power cut: a StopTransaction with the register of the moment of the stop. The file is
-- written beside and renamed, so that a crash leaves the older state and not half a file.

local json = require "kw.json"

local M = {}

local GOES_ON_S = 6 * 3600

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
                                  started_ms = tx.started_ms, seen_ms = station.world:wall_ms(),
                                  model = each.car.model.name, soc = each.car.soc, target = each.car.target } or nil,
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

--- Go on with a connector as it was, or end what is too old. True: it is occupied now.
---@param of_connector table|nil  what load() has of it
function M.resume(each, of_connector)
  local open = of_connector and of_connector.open
  if not open then return false end
  local station = each.station
  local away_s = (station.world:wall_ms() - open.seen_ms) / 1000
  if away_s * station.world.speed <= GOES_ON_S then
    each:resume(open, math.max(0, away_s))
    return true
  end
  station:stop_transaction(each, {
    id = open.id, connector_id = each.id, tag = open.tag, meter_start_wh = open.meter_start_wh,
    meter_stop_wh = of_connector.register_wh, started_ms = open.started_ms, stopped_ms = open.seen_ms,
    reason = "PowerLoss",
  })
  return false
end

return M
