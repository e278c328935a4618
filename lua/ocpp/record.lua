-- record.lua - one message's effects: durable keys and contract events, journalled as one record.
--
-- A handler fills a record; the gateway commits it (fsync) before it answers. If the disk refuses, the
-- record is undone, so that the station's repetition is handled as the first one.
--
-- In the journal a record is lines of JSON: first {cs, kv = {{key, {v = value} | {none = true}}, ...}},
-- then one event a line, in the form that core/feed/writer.c sends (docs/complex-contract.md, "events of
-- the gateway"):
--   { stream = "ev"|"mv", k = dedup key, f = {field = value}, d = JSON text,
--     set = { {key, guard, at, {f = v}} }, del = { {key, {fields}, field?, value?} }, add = { {set, member} },
--     zadd = { {key, member, score} }, zrem = { {key, member} }, expire = { {key, seconds} } }
-- Every event has a k: what has no natural one gets a number that is stored with it, so that sending the
-- same record again never doubles anything.

local crypto = require "kw.crypto"
local json = require "kw.json"
local parse = require "ocpp.parse"

local M = {}
M.__index = M

local boot = crypto.random_hex(8)
local count = 0

local function unique_key()
  count = count + 1
  return "g|" .. boot .. "|" .. count
end

--- @param state table  state.lua
--- @param station table  {id, protocol?, clock?}
--- @param received_ms integer
--- @param message_id string|nil
function M.new(state, station, received_ms, message_id)
  return setmetatable({ state = state, cs = station.id, station = station, received_ms = received_ms,
                        message_id = message_id, puts = {}, undo_list = {}, events = {} }, M)
end

--- Remember a value under a key of state.lua (nil removes it).
function M:put(key, value)
  self.undo_list[#self.undo_list + 1] = { key, self.state:put(key, value) }
  self.puts[#self.puts + 1] = { key, value == nil and { none = true } or { v = value } }
end

--- Take the puts back. Counters ("n:...") stay: a number that was given out is never given again.
function M:undo()
  for i = #self.undo_list, 1, -1 do
    local entry = self.undo_list[i]
    if entry[1]:sub(1, 2) ~= "n:" then self.state:put(entry[1], entry[2]) end
  end
end

function M:dirty() return #self.puts > 0 or #self.events > 0 end

--- When something happened, by the station's clock as we know it: see parse.moment.
function M:moment(value)
  local clock = self.station.clock
  if clock then return clock:moment(value, self.received_ms) end
  return parse.moment(value, self.received_ms)
end

--- Add an event. `options`: con, tx, ts, offline, k, d, set, del, zadd, zrem, expire, add.
function M:event(stream, type, options)
  local con = options.con
  local event = {
    stream = stream, k = options.k or unique_key(), d = options.d or {}, set = options.set, del = options.del,
    add = options.add, zadd = options.zadd, zrem = options.zrem, expire = options.expire,
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
function M:payload()
  local lines = { json.encode { cs = self.cs, kv = json.array(self.puts) } }
  for i, event in ipairs(self.events) do
    local out = {}
    for name, value in pairs(event) do out[name] = value end
    out.d = json.encode(event.d)
    lines[i + 1] = json.encode(out)
  end
  return table.concat(lines, "\n")
end

return M
