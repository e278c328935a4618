-- agenda.lua - what happens when: one heap of due actions for the whole fleet.
--
-- A timer of the host for each of thousands of small waits would be thousands of closures at every turn;
-- one heap and one tick are enough for cars and people. The clock is given from outside, so that a test
-- lets a day pass in a moment. Actions due at the same time run in the order in which they were added.

local M = {}
M.__index = M

--- @param clock fun(): number   seconds, never falling
--- @param on_error fun(text: string)|nil  an action failed; the others go on
function M.new(clock, on_error)
  return setmetatable({ clock = clock, heap = {}, count = 0, on_error = on_error or error }, M)
end

local function before(a, b) return a.at < b.at or a.at == b.at and a.order < b.order end

local function up(heap, at)
  local item = heap[at]
  while at > 1 and before(item, heap[at // 2]) do
    heap[at] = heap[at // 2]
    at = at // 2
  end
  heap[at] = item
end

local function down(heap)
  local item, at, size = heap[1], 1, #heap
  while 2 * at <= size do
    local child = 2 * at
    if child < size and before(heap[child + 1], heap[child]) then child = child + 1 end
    if not before(heap[child], item) then break end
    heap[at] = heap[child]
    at = child
  end
  heap[at] = item
end

function M:now() return self.clock() end

--- Do `action` in `delay_s` seconds. The returned handle can be given to cancel().
function M:after(delay_s, action)
  self.count = self.count + 1
  local item = { at = self.clock() + math.max(0, delay_s), order = self.count, action = action }
  local heap = self.heap
  heap[#heap + 1] = item
  up(heap, #heap)
  return item
end

--- Seconds until the next action is due (it may have been forgotten), at most `most_s`.
function M:idle_s(most_s)
  local first = self.heap[1]
  if not first then return most_s end
  return math.max(0, math.min(most_s, first.at - self.clock()))
end

--- Forget an action (nil and past ones are fine).
function M.cancel(item)
  if item then item.action = nil end
end

--- Run everything that is due. Returns the number of actions that ran.
function M:run()
  local now, heap, ran = self.clock(), self.heap, 0
  while heap[1] and heap[1].at <= now do
    local item = heap[1]
    heap[1] = heap[#heap]
    heap[#heap] = nil
    if heap[1] then down(heap) end
    if item.action then
      ran = ran + 1
      local ok, err = xpcall(item.action, debug.traceback)
      if not ok then self.on_error(err) end
    end
  end
  return ran
end

return M
