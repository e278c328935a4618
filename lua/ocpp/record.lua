-- record.lua - one message's effects: durable keys and contract events, journalled as one record.
--
-- A handler fills a record; the gateway commits it (fsync) before it answers. If the disk refuses, the
-- record is undone, so that the station's repetition is handled as the first one.
--
-- Event form (drained to Redis by one atomic script, complex-contract.md 4):
--   { stream = "ev"|"mv", k = dedup key, f = {field = value}, d = {...}, set = { {key, guard, at, {f = v}} },
--     del = { {key, {fields}} }, add = { {set key, member} }, zadd = { {key, member, score} },
--     zrem = { {key, member} }, expire = { {key, seconds} } }

local M = {}
M.__index = M

--- @param state table  state.lua
--- @param station table  {id, generation}
--- @param received_ms integer
--- @param message_id string|nil
function M.new(state, station, received_ms, message_id)
  return setmetatable({ state = state, cs = station.id, station = station, received_ms = received_ms,
                        message_id = message_id, puts = {}, undo_list = {}, events = {} }, M)
end

function M:put(key, value)
  self.undo_list[#self.undo_list + 1] = { key, self.state:put(key, value) }
  self.puts[#self.puts + 1] = { key, value == nil and { none = true } or { v = value } }
end

function M:undo()
  for i = #self.undo_list, 1, -1 do self.state:put(self.undo_list[i][1], self.undo_list[i][2]) end
end

function M:dirty() return #self.puts > 0 or #self.events > 0 end

--- Add an event. `options`: con, tx, ts, offline, k, d, set, del, zadd, zrem, expire, add.
function M:event(stream, type, options)
  local con = options.con
  local event = {
    stream = stream, k = options.k, d = options.d or {}, set = options.set, del = options.del, add = options.add,
    zadd = options.zadd, zrem = options.zrem, expire = options.expire,
    f = { type = type, cs = self.cs, tx = options.tx and tostring(options.tx) or nil,
          ts = options.ts or self.received_ms, rts = self.received_ms, off = options.offline and 1 or nil,
          proto = self.station.protocol, mid = self.message_id },
  }
  if con then event.f.evse, event.f.con = con, con == 0 and 0 or 1 end
  self.events[#self.events + 1] = event
  return event
end

--- Key of a connector hash: 1.6 has evseId = connectorId and connectorId = 1 (contract 1).
function M.conn_key(cs, con) return ("conn:%s:%d:%d"):format(cs, con, con == 0 and 0 or 1) end

--- What goes into the journal.
function M:payload() return { cs = self.cs, kv = self.puts, ev = self.events } end

return M
