-- state.lua - what the gateway must still know after a crash: keys and values in the journal.
--
-- Every change goes through a record (record.lua) that is fsynced before the station is answered; at
-- start the journal's checkpoint and records put the same keys again. Keys in use:
--   n:tx                     last transaction id given out (31 bits, never reused)
--   epoch                    identity of the data set in Redis
--   cs:ID                    {vendor, model, serial, firmware, connected, generation, peer}
--   au:ID                    the station's key record as it was last used (for times without Redis)
--   tk:TAG                   a token as it was last read (likewise)
--   st:ID:CON                {status, error, at}
--   tx:N                     {id, cs, con, tag, at, meter, last, last_at, done_at?}
--   dd:ID|...                transaction id given for a StartTransaction with this content
--   sp:ID|...                a StopTransaction with this content was stored
--   cm:ID                    a command of the control API
-- Values may carry `expires_ms`; a sweep removes them.

local json = require "kw.json"

local M = {}
M.__index = M

M.SLICE = 500                          -- keys of a dump between two pauses: some ms
M.KEEP_MS = 7 * 24 * 3600 * 1000 -- deduplication memory (ocpp.md 2.4)

function M.new()
  return setmetatable({ values = {}, active = {}, small = { cs = {}, st = {}, cm = {} } }, M)
end

local function index_tx(self, key, old, new)
  if key:sub(1, 3) ~= "tx:" then return end
  if old and not old.done_at then
    local slot = old.cs .. ":" .. old.con
    if self.active[slot] == old.id then self.active[slot] = nil end
  end
  if new and not new.done_at then self.active[new.cs .. ":" .. new.con] = new.id end
end

function M:get(key) return self.values[key] end

--- Put a value (nil removes). Returns the old value.
function M:put(key, value)
  local old = self.values[key]
  self.values[key] = value
  local small = self.small[key:sub(1, 2)]
  if small then small[key] = value end
  index_tx(self, key, old, value)
  return old
end

--- Active transaction of a connector, or nil.
function M:active_transaction(cs, con)
  local id = self.active[cs .. ":" .. con]
  return id and self.values["tx:" .. id] or nil
end

--- Transaction by the station's number, if it belongs to the station.
function M:transaction(cs, id)
  local tx = self.values["tx:" .. tostring(id)]
  return tx and tx.cs == cs and tx or nil
end

--- Next transaction id: positive, 31 bits, persistent with the record it is used in. A gateway without
--- memory starts at the seconds since 2024: an id that an older journal gave out does not come again.
function M:next_transaction_id(now_ms)
  local last = self.values["n:tx"] or (now_ms // 1000 - 1704067200)
  return last >= 2147483646 and 1 or math.max(last, 0) + 1
end

--- Keys and values with a prefix, as a sorted array of {rest of the key, value}. cs: st: cm: are cheap.
function M:with_prefix(prefix)
  local found = {}
  for key, value in pairs(self.small[prefix:sub(1, 2)] or self.values) do
    if key:sub(1, #prefix) == prefix then found[#found + 1] = { key:sub(#prefix + 1), value } end
  end
  table.sort(found, function(a, b) return a[1] < b[1] end)
  return found
end

local function has_expired(value, now_ms)
  local expires = type(value) == "table" and value.expires_ms
  return expires and expires < now_ms
end

--- Drop what has expired. Returns the number of removed keys.
function M:sweep(now_ms)
  local gone = {}
  for key, value in pairs(self.values) do
    if has_expired(value, now_ms) then gone[#gone + 1] = key end
  end
  for _, key in ipairs(gone) do self:put(key, nil) end
  return #gone
end

--- All of it as text, one key a line; what has expired is dropped on the way. `pause`, if given, is called
--- between slices and may wait: the text then holds each key as it was at some moment meanwhile, which is
--- right for a checkpoint, because the records since its begin are applied on top of it.
function M:dump(now_ms, pause)
  local keys, lines = {}, {}
  for key in pairs(self.values) do keys[#keys + 1] = key end
  for i, key in ipairs(keys) do
    local value = self.values[key]
    if now_ms and has_expired(value, now_ms) then
      self:put(key, nil)
    elseif value ~= nil then
      lines[#lines + 1] = json.encode { key, value }
    end
    if pause and i % M.SLICE == 0 then pause() end
  end
  return table.concat(lines, "\n")
end

--- Back from such a text.
function M:restore(text)
  for line in text:gmatch("[^\n]+") do
    local pair = json.decode(line)
    if type(pair) ~= "table" then error("the checkpoint has a line that is not JSON") end
    self:put(pair[1], pair[2])
  end
end

--- Apply the first line of a journalled record.
function M:replay(line)
  local record = json.decode(line)
  if type(record) ~= "table" then error("a record's first line is not JSON") end
  for _, put in ipairs(record.kv) do
    local value = put[2].v
    self:put(put[1], value)
  end
end

return M
