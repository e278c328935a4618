-- rebuild.lua - the snapshot keys of Redis out of our own memory, for a Redis that lost its data.
--
-- What is known of stations, connectors and open transactions is written again before the new epoch is told;
-- readers then take a full snapshot. Meter values come by themselves within seconds; history is the reader's.

local record = require "ocpp.record"
local state_of = require "ocpp.v16.status"

local M = {}

local function flat(fields)
  local list = {}
  for name, value in pairs(fields) do
    list[#list + 1] = name
    list[#list + 1] = value
  end
  return list
end

local function hset(key, fields)
  local list = flat(fields)
  return #list > 0 and { "HSET", key, table.unpack(list) } or nil
end

local function station(cs, about, session, options)
  return hset("station:" .. cs, {
    vendor = about.vendor, model = about.model, serialNumber = about.serial, firmwareVersion = about.firmware,
    ocppVersion = "1.6", connected = session and 1 or 0, connectedTs = session and session.since_ms or nil,
    conGen = about.generation, gw = options.gateway_id, remoteAddr = about.peer, registration = "Accepted" })
end

local function connector(key, status)
  local cs, con = key:match("^(.*):(%d+)$")
  con = math.tointeger(tonumber(con))
  local fields = { status = status.status, errorCode = status.error, statusTs = status.at }
  if con == 0 then return hset("station:" .. cs, fields) end
  fields.state = state_of[status.status] or "unknown"
  return hset(record.conn_key(cs, con), fields)
end

--- Commands for redis_side:rewrite().
function M.commands(state, sessions, options)
  local out = {}
  local function add(command) out[#out + 1] = command end
  for _, entry in ipairs(state:with_prefix("cs:")) do
    add { "SADD", "stations", entry[1] }
    add(station(entry[1], entry[2], sessions:station(entry[1]), options))
  end
  for _, entry in ipairs(state:with_prefix("st:")) do add(connector(entry[1], entry[2])) end
  for _, entry in ipairs(state:with_prefix("tx:")) do
    local tx = entry[2]
    if not tx.done_at then
      add { "ZADD", "tx:active", tx.at, tx.cs .. "|" .. tx.id }
      add(hset(("tx:%s:%d"):format(tx.cs, tx.id), {
        evseId = tx.con, connectorId = 1, idToken = tx.tag or "", startTs = tx.at, meterStartWh = tx.meter,
        lastTs = tx.last_at or tx.at, energyWh = tx.energy, quality = "ok", chargingState = "Charging" }))
      add(hset(record.conn_key(tx.cs, tx.con), { txId = tx.id, idToken = tx.tag or "", txTs = tx.at }))
    end
  end
  return out
end

return M
