-- rng.lua - random numbers that a seed repeats: one independent stream per thing that is random.
--
-- Lua's own generator is one for the whole process, so the order in which stations happen to run would
-- change what each of them draws. Here every station, driver and connector has its own stream, named by
-- the seed and its own name. SplitMix64: eight bytes of state, good enough for arrivals and taps on a card.

local M = {}
M.__index = M

--- A stream named by its parts (numbers and strings).
function M.new(...)
  local state = 0x2545F4914F6CDD1D
  for i = 1, select("#", ...) do
    local text = tostring((select(i, ...)))
    for at = 1, #text do state = (state ~ text:byte(at)) * 0x100000001B3 end
    state = (state ~ 0x7C) * 0x100000001B3
  end
  return setmetatable({ state = state }, M)
end

--- 64 random bits as an integer.
function M:bits()
  self.state = self.state + 0x9E3779B97F4A7C15
  local z = self.state
  z = (z ~ (z >> 30)) * 0xBF58476D1CE4E5B9
  z = (z ~ (z >> 27)) * 0x94D049BB133111EB
  return z ~ (z >> 31)
end

--- Uniform in [low, high); [0, 1) without arguments.
function M:real(low, high)
  local unit = (self:bits() >> 11) * 0x1p-53
  if not low then return unit end
  return low + unit * (high - low)
end

--- Uniform integer in [low, high].
function M:integer(low, high)
  return low + math.floor(self:real() * (high - low + 1))
end

function M:chance(probability) return self:real() < probability end

function M:pick(list) return list[self:integer(1, #list)] end

--- One of `list` by its field `weight`.
function M:weighted(list)
  local sum = 0
  for _, item in ipairs(list) do sum = sum + item.weight end
  local at = self:real() * sum
  for _, item in ipairs(list) do
    at = at - item.weight
    if at < 0 then return item end
  end
  return list[#list]
end

--- Normal distribution, cut to [low, high] when given.
function M:normal(mean, deviation, low, high)
  local radius = math.sqrt(-2 * math.log(1 - self:real()))
  local value = mean + deviation * radius * math.cos(2 * math.pi * self:real())
  if low and value < low then value = low end
  if high and value > high then value = high end
  return value
end

--- Waiting time of mean `mean` (exponential distribution).
function M:exponential(mean) return -mean * math.log(1 - self:real()) end

return M
