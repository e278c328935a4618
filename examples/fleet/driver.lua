-- driver.lua - the people: who may come next, with which key and which car.
--
-- A driver is at one station at a time. Now and then a stranger comes whose key nobody knows: the complex
-- must refuse the key and show it as unknown.

local car = require "car"
local rng = require "rng"

local M = {}
M.__index = M

local STRANGERS = 0.015 -- of all arrivals

--- @param people table[]  {uid =, name? =}; may be empty
--- @param seed any
function M.new(people, seed)
  local self = setmetatable({ free = {}, rng = rng.new(seed, "drivers"), strangers = STRANGERS }, M)
  for i, person in ipairs(people) do
    local own = rng.new(seed, "driver", i)
    self.free[i] = { uid = person.uid, name = person.name, car = car.new(own), rng = own }
  end
  return self
end

--- Someone who is not charging anywhere, or nil. leave() gives them back.
function M:take()
  if self.rng:chance(self.strangers) then
    local own = rng.new(self.rng:bits(), "stranger")
    return { uid = ("%08X"):format(own:bits() & 0xFFFFFFFF), car = car.new(own), rng = own, stranger = true }
  end
  local count = #self.free
  if count == 0 then return nil end
  local at = self.rng:integer(1, count)
  local driver = self.free[at]
  self.free[at] = self.free[count]
  self.free[count] = nil
  return driver
end

--- The driver with this key, if free.
function M:take_uid(uid)
  for at, driver in ipairs(self.free) do
    if driver.uid == uid then return table.remove(self.free, at) end
  end
  return nil
end

function M:leave(driver)
  if driver and not driver.stranger then self.free[#self.free + 1] = driver end
end

return M
