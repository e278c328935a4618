-- ocpp.lua - handlers of lua/ocpp without a gateway: a state, a session, a clock that the test moves.

package.preload["kw.gateway"] = package.preload["kw.gateway"] or function()
  local M = { counted = {}, calls = {}, answers = {} }
  function M.option(_, kind) return kind == "integer" and 30 or kind ~= "boolean" and "" or false end
  function M.count(kind) M.counted[kind] = (M.counted[kind] or 0) + 1 end
  function M.version() return "test" end
  function M.redis_up() return true end
  --- Answers are functions or lists of results, by action.
  function M.call(handle, action, payload)
    M.calls[#M.calls + 1] = { handle = handle, action = action, payload = payload }
    local answer = M.answers[action] or { nil, "timeout" }
    if type(answer) == "function" then return answer(payload) end
    return table.unpack(answer, 1, 3)
  end
  return M
end

local actions = require "ocpp.v16.actions"
local json = require "kw.json"
local record_module = require "ocpp.record"
local sessions_module = require "ocpp.sessions"
local state_module = require "ocpp.state"
local time = require "kw.time"

local M = {}

M.T0 = 1800000000000 -- 2027-01-15T08:00:00Z

--- A world with one station. `tags` maps compared tags to idTagInfo.
function M.new(options)
  options = options or {}
  local world = { now = M.T0, state = state_module.new(), events = {}, hashes = {} }
  world.sessions = sessions_module.new(world.state)
  world.station = world.sessions:open(1, "EV-1", 1, world.now)
  if options.quirks then world.station.quirks = options.quirks end
  world.context = {
    sessions = world.sessions, options = { heartbeat_s = 300 },
    tokens = { id_tag_info = function(_, tag) return (options.tags or {})[tag] or { status = "Accepted" } end },
    redis_hash = function(cs, fields) world.hashes[cs] = fields end,
  }

  --- Time as a station writes it, `offset_ms` from the world's.
  function world.at(offset_ms) return time.rfc3339(world.now + (offset_ms or 0)) end

  --- Handle a message as the gateway does. Returns the answer and the record's events.
  function world.message(action, request)
    local record = record_module.new(world.state, world.station, world.now, "m1")
    local answer = actions[action](json.decode(json.encode(request)), record, world.context)
    record:payload() -- it must be writable
    for _, event in ipairs(record.events) do world.events[#world.events + 1] = event end
    world.record = record
    return answer, record.events
  end

  --- Events of a type so far.
  function world.of(type)
    local list = {}
    for _, event in ipairs(world.events) do
      if event.f.type == type then list[#list + 1] = event end
    end
    return list
  end

  function world.meter(wh, offset_ms, more)
    local request = { connectorId = 1, meterValue = { { timestamp = world.at(offset_ms), sampledValue = {
      { value = tostring(wh), measurand = "Energy.Active.Import.Register", unit = "Wh" } } } } }
    for name, value in pairs(more or {}) do request[name] = value end
    return world.message("MeterValues", request)
  end

  function world.start(meter, more)
    local request = { connectorId = 1, idTag = "abc", meterStart = meter, timestamp = world.at() }
    for name, value in pairs(more or {}) do request[name] = value end
    return world.message("StartTransaction", request).transactionId
  end

  return world
end

return M
