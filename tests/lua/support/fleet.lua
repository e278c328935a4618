-- fleet.lua - a fleet in a test: a clock that the test turns, and a central system that is a table.
--
-- `make()` gives a world whose sockets are answered at once by `central.answers[ACTION]`; set
-- `central.silent[ACTION]` and that action gets no answer. Nothing here waits for real time.

local here = package.path:match("^[^?]*")
package.path = package.path .. ";" .. here .. "../../examples/fleet/?.lua"

local json = require "kw.json"
local ledger = require "ledger"
local driver = require "driver"
local world = require "world"

local M = {}

local quiet = { debug = function() end, info = function() end, warn = function() end }

local function socket_of(central)
  local socket = { open = true, inbox = {} }
  function socket:send(text)
    if not self.open then return nil, "closed" end
    local frame = json.decode(text)
    if frame[1] ~= 2 then
      central.replies[#central.replies + 1] = frame
      return true
    end
    local id, action, payload = frame[2], frame[3], frame[4]
    central.calls[#central.calls + 1] = { action = action, payload = payload, id = id }
    if not central.silent[action] then
      local answer = central.answers[action]
      if type(answer) == "function" then answer = answer(payload) end
      self.inbox[#self.inbox + 1] = json.encode(json.array { 3, id, answer or {} })
    end
    return true
  end
  function socket:recv() return coroutine.yield(self) end
  function socket:close() self.open = false end
  function socket:abort() self.open = false end
  return socket
end

--- @param options table|nil  fields of the world (speed, seed, meter_s, ...)
---@return table world, table central
function M.make(options, people)
  local next_id = 0
  local central = { calls = {}, replies = {}, silent = {}, sockets = {}, up = true }
  central.answers = {
    BootNotification = { status = "Accepted", currentTime = "2026-01-01T00:00:00.000Z", interval = 300 },
    Authorize = { idTagInfo = { status = "Accepted" } },
    StartTransaction = function()
      next_id = next_id + 1
      return { transactionId = next_id, idTagInfo = { status = "Accepted" } }
    end,
  }
  local now, runners = 0, {}
  local outside = {
    clock = function() return now end, wall_ms = function() return 1767225600000 + math.floor(now * 1000) end,
    rfc3339 = function(_, ms) return require("kw.time").rfc3339(ms or 1767225600000 + math.floor(now * 1000)) end,
    hour0 = 8, log = setmetatable({ error = function(text, fields) error(text .. ": " .. fields.error) end },
                                  { __index = quiet }),
    dial = function()
      if not central.up then return nil, "closed", "refused" end
      local socket = socket_of(central)
      central.sockets[#central.sockets + 1] = socket
      return socket
    end,
  }
  function outside.spawn(run, ...)
    local thread = coroutine.create(run)
    local _, socket = assert(coroutine.resume(thread, ...))
    if coroutine.status(thread) ~= "dead" then runners[#runners + 1] = { thread = thread, socket = socket } end
  end
  local fields = { seed = "test", speed = 1, url = "ws://test", meter_s = 10, aligned_s = 0, retry_s = 60,
                   call_timeout_s = 30, flat = true }
  for name, value in pairs(options or {}) do fields[name] = value end
  local drivers = driver.new(people or { { uid = "04AA" }, { uid = "04BB" } }, "test")
  drivers.strangers = 0
  local made = world.new(fields, outside, drivers, ledger.open(nil))

  -- Deliver what the sockets hold, end the ones that are closed.
  local function deliver()
    local busy = true
    while busy do
      busy = false
      for at = #runners, 1, -1 do
        local runner = runners[at]
        local socket = runner.socket
        local text = table.remove(socket.inbox, 1)
        if text then
          busy = true
          assert(coroutine.resume(runner.thread, text))
        elseif not socket.open then
          busy = true
          table.remove(runners, at)
          assert(coroutine.resume(runner.thread, nil, "closed", "gone", 1006))
        end
      end
    end
  end

  --- Let `seconds` pass, in steps of a second.
  function central.pass(seconds)
    deliver()
    local till = now + seconds
    while now < till do
      now = math.min(till, now + 1)
      made.agenda:run()
      deliver()
      made:step(1)
      deliver()
    end
  end
  --- A call of the central system; returns the frame that answers it.
  function central.ask(action, payload)
    local socket = central.sockets[#central.sockets]
    socket.inbox[#socket.inbox + 1] = json.encode(json.array { 2, "c" .. #central.replies, action, payload })
    deliver()
    return central.replies[#central.replies]
  end
  --- Calls of one action so far.
  function central.of(action)
    local list = {}
    for _, call in ipairs(central.calls) do
      if call.action == action then list[#list + 1] = call end
    end
    return list
  end
  --- The link is lost without a word.
  function central.cut()
    for _, socket in ipairs(central.sockets) do socket.open = false end
    deliver()
  end
  return made, central
end

return M
