-- fleet_car_test.lua - the cars of the fleet: what they take, and what they never take.

require "support.fleet"
local arrivals = require "arrivals"
local car = require "car"
local rng = require "rng"

local function a_car(model, soc)
  return setmetatable({ model = model, soc = soc, target = 1, current_a = 0, haste = 1 }, car)
end
local TEST = { name = "test", capacity_wh = 50000, phases = 3, max_a = 16, taper_from = 0.9 }

return {
  { "a car follows its offer down at once and up slowly", function(t)
    local one = a_car(TEST, 0.3)
    local first = one:step(1, 32, 3, 230)
    t.ok(first < 10, "the ramp begins at the bottom")
    for _ = 1, 10 do one:step(1, 32, 3, 230) end
    t.equal(one.current_a, 16, "its own maximum")
    one:step(1, 8, 3, 230)
    t.equal(one.current_a, 8, "the new limit after a second")
  end },
  { "nothing below 6 A", function(t)
    local one = a_car(TEST, 0.3)
    for _ = 1, 10 do one:step(1, 5.9, 3, 230) end
    t.equal(one.current_a, 0)
  end },
  { "power times time is energy, and the battery fills to its target", function(t)
    local one, sum_wh, honest = a_car(TEST, 0.5), 0, true
    for _ = 1, 4 * 3600 do
      local current, phases, power, energy = one:step(1, 32, 3, 230)
      sum_wh = sum_wh + energy
      honest = honest and math.abs(power - current * 230 * phases * 0.995) < 1e-6 and current <= 16
    end
    t.ok(honest, "power of current, within its maximum")
    t.ok(one:full(), "full after four hours")
    t.ok(math.abs(sum_wh - 25000 / 0.92) < 60, "half a battery and the losses: " .. sum_wh)
    t.equal(one:wanted_a(), 0)
  end },
  { "it tapers: the last tenth is slower", function(t)
    t.equal(a_car(TEST, 0.5):wanted_a(), 16)
    t.ok(math.abs(a_car(TEST, 0.95):wanted_a() - 8) < 1e-9)
    t.equal(a_car(TEST, 0.999):wanted_a(), 6, "never a trickle below the minimum")
  end },
  { "a car of one phase uses one phase", function(t)
    local one = a_car({ name = "p", capacity_wh = 13000, phases = 1, max_a = 16, taper_from = 0.9 }, 0.3)
    local _, phases = one:step(1, 16, 3, 230)
    t.equal(phases, 1)
  end },
  { "the same seed gives the same numbers, another seed others", function(t)
    local a, b, c = rng.new("x", 1), rng.new("x", 1), rng.new("x", 2)
    local same, other = true, false
    for _ = 1, 100 do
      local value = a:real()
      if value ~= b:real() then same = false end
      if value ~= c:real() then other = true end
      same = same and value >= 0 and value < 1
    end
    t.ok(same and other)
    local low, high = 99, -99
    for _ = 1, 1000 do
      local n = a:integer(1, 6)
      low, high = math.min(low, n), math.max(high, n)
    end
    t.equal({ low, high }, { 1, 6 })
  end },
  { "more people come at eight than at three in the night", function(t)
    t.ok(arrivals.rate(8) > 20 * arrivals.rate(3))
    local r, morning, night = rng.new("arrivals"), 0, 0
    for _ = 1, 200 do
      morning = morning + arrivals.next_s(r, 7, false)
      night = night + arrivals.next_s(r, 0, false)
    end
    t.ok(night / 200 > morning / 200 + 3 * 3600, "one waits longer at midnight")
  end },
}
