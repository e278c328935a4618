-- world.lua - what all stations share: clocks, the agenda, drivers, options, counters.
--
-- Everything that a station could take from the outside comes through here, so that a test can give it a
-- clock of its own and a socket that is a table. "Life" seconds are the car park's: --speed divides them.

local agenda = require "agenda"

local M = {}
M.__index = M

--- @param options table  seed, speed, url, ca_file, meter_s, aligned_s, retry_s, call_timeout_s, flat
--- @param outside table  clock() seconds, wall_ms(), rfc3339(ms), hour0, dial, spawn, log
function M.new(options, outside, drivers, ledger)
  local self = setmetatable({ drivers = drivers, ledger = ledger, active = {}, closing = false }, M)
  for name, value in pairs(options) do self[name] = value end
  for name, value in pairs(outside) do self[name] = value end
  self.stats = { connected = 0, calls = 0, commands = 0, errors = 0, timeouts = 0, resent = 0 }
  self.agenda = agenda.new(outside.clock, function(text) outside.log.error("action failed", { error = text }) end)
  self.began = outside.clock()
  self.spares = 0
  return self
end

function M:after(seconds, action) return self.agenda:after(seconds, action) end

-- One line a second at most: a central system that is away is away for all stations at once.
function M:complain(text, fields)
  local now = self.clock()
  self.complaints = (self.complaints or 0) + 1
  if now - (self.complained or -1) < 1 then return end
  fields.times, self.complaints, self.complained = self.complaints, 0, now
  self.log.warn(text, fields)
end

--- Real seconds for life seconds.
function M:life(seconds) return seconds / self.speed end

--- Hour of the day in the car park (real number, may be above 24).
function M:hour() return self.hour0 + (self.clock() - self.began) * self.speed / 3600 end

--- A car for somebody who is no driver of ours (a remote start by hand).
function M:spare_driver(tag)
  self.spares = self.spares + 1
  local rng = require("rng").new(self.seed, "spare", self.spares)
  return { uid = tag, car = require("car").new(rng), rng = rng, stranger = true }
end

-- Connectors with a transaction are stepped every second; the others cost nothing.
function M:activate(each)
  self.active[#self.active + 1] = each
  each.active_at = #self.active
end

function M:deactivate(each)
  local at, last = each.active_at, self.active[#self.active]
  if not at then return end
  self.active[at], last.active_at = last, at
  self.active[#self.active] = nil
  each.active_at = nil
end

--- Let `seconds` pass for every transaction.
function M:step(seconds)
  for at = #self.active, 1, -1 do self.active[at]:step(seconds) end
end

return M
