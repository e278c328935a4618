-- ocpp_transactions_test.lua - starts and stops: repeated, incomplete, contradicting, never refused.

local json = require "kw.json"
local record_module = require "ocpp.record"
local state_module = require "ocpp.state"
local world_module = require "support.ocpp"

local function stop(world, request)
  request.timestamp = request.timestamp or world.at()
  return world.message("StopTransaction", request)
end

local function ended(world, at) return world.of("tx.ended")[at or 1] end

return {
  { "a whole one", function(t)
    local world = world_module.new()
    local id = world.start(1000)
    world.now = world.now + 3600000
    t.equal(stop(world, { transactionId = id, meterStop = 8000, idTag = "abc", reason = "EVDisconnected" }),
            { idTagInfo = { status = "Accepted" } })
    local d = ended(world).d
    t.equal({ d.energyWh, d.meterStopWh, d.quality, d.stoppedReason, d.flags }, { 7000, 8000, "ok", "EVDisconnected",
      nil })
    t.equal(world.state:active_transaction("EV-1", 1), nil)
    t.equal(ended(world).zrem, { { "tx:active", "EV-1|" .. id } })
  end },
  { "the same start again has the same number and makes no second event", function(t)
    local world = world_module.new()
    local id = world.start(5)
    t.equal(world.start(5), id)
    t.equal(#world.of("tx.started"), 1)
    world.now = world.now + 3 * 24 * 3600000
    t.equal(world.start(5, { timestamp = world.at(-3 * 24 * 3600000) }), id, "three days later, from a queue")
    t.ok(world.start(6, { timestamp = world.at(-1000) }) ~= id)
  end },
  { "the same stop again is answered and not stored", function(t)
    local world = world_module.new()
    local request = { transactionId = world.start(0), meterStop = 10, timestamp = world.at() }
    stop(world, request)
    stop(world, request)
    t.equal(#world.of("tx.ended"), 1)
  end },
  { "no meterStop: estimated from the samples; smaller than the start: suspect", function(t)
    local world = world_module.new()
    local id = world.start(1000)
    world.meter(1700)
    stop(world, { transactionId = id })
    t.equal({ ended(world).d.energyWh, ended(world).d.meterStopWh, ended(world).d.quality }, { 700, 1700, "estimated" })
    id = world.start(2000)
    stop(world, { transactionId = id, meterStop = 10 })
    local d = ended(world, 2).d
    t.equal({ d.energyWh, d.quality, d.flags }, { 0, "suspect", { "stop-below-start" } })
  end },
  { "a stop before its start is kept at a possible time", function(t)
    local world = world_module.new()
    local id = world.start(0)
    stop(world, { transactionId = id, meterStop = 5, timestamp = world.at(-50000) })
    t.equal({ ended(world).d.quality, ended(world).f.ts >= world_module.T0 }, { "suspect", true })
  end },
  { "a new start on a busy connector abandons the older one at its last sample", function(t)
    local world = world_module.new()
    local first = world.start(100)
    world.now = world.now + 60000
    world.meter(400)
    world.now = world.now + 3600000
    local second = world.start(900)
    local event = ended(world)
    t.equal({ event.f.tx, event.d.quality, event.d.energyWh, event.f.ts }, { tostring(first), "abandoned", 300,
      world_module.T0 + 60000 })
    t.equal(world.state:active_transaction("EV-1", 1).id, second)
  end },
  { "a stop without a usable number ends the only one that fits, or is kept as an orphan", function(t)
    local world = world_module.new()
    local one, two = world.start(0), world.start(0, { connectorId = 2, idTag = "other" })
    stop(world, { transactionId = -1, meterStop = 9, idTag = "OTHER" })
    t.equal(ended(world).f.tx, tostring(two))
    world.start(0, { connectorId = 3, timestamp = world.at(1) })
    stop(world, { transactionId = 0, meterStop = 9, idTag = "abc" })
    local orphan = ended(world, 2)
    t.equal({ orphan.d.flags, orphan.d.quality }, { { "orphan" }, "suspect" }, "two fit: nobody guesses")
    t.ok(orphan.f.tx ~= tostring(one))
    stop(world, { transactionId = 424242, meterStop = 1 })
    t.equal(ended(world, 3).f.tx, "424242")
  end },
  { "the true end of an abandoned one corrects it", function(t)
    local world = world_module.new()
    local first = world.start(100)
    world.now = world.now + 60000
    world.start(900)
    stop(world, { transactionId = first, meterStop = 880, timestamp = world.at(-1000) })
    t.equal({ #world.of("tx.ended"), ended(world, 2).d.energyWh, ended(world, 2).d.quality }, { 2, 780, "ok" })
    t.ok(ended(world, 1).k ~= ended(world, 2).k)
    stop(world, { transactionId = first, meterStop = 880, timestamp = world.at(-1000) })
    t.equal(#world.of("tx.ended"), 2)
  end },
  { "a repeated stop without a number is not an orphan", function(t)
    local world = world_module.new()
    world.start(0)
    local request = { transactionId = -1, meterStop = 9, timestamp = world.at() }
    stop(world, request)
    stop(world, request)
    t.equal(#world.of("tx.ended"), 1)
  end },
  { "another station's transaction is not touched", function(t)
    local world = world_module.new()
    local id = world.start(0)
    world.station = world.sessions:open(2, "EV-2", 1, world.now)
    stop(world, { transactionId = id, meterStop = 5 })
    t.equal({ ended(world).d.flags, world.state:transaction("EV-1", id).done_at }, { { "orphan" }, nil })
  end },
  { "transactionData is stored with the stop", function(t)
    local world = world_module.new()
    local id = world.start(0)
    stop(world, { transactionId = id, transactionData = { { timestamp = world.at(), sampledValue = {
      { value = "750", context = "Transaction.End" } } } } })
    t.equal({ #world.of("meter.values"), ended(world).d.energyWh }, { 1, 750 })
  end },
  { "what stations leave out or make up does not stop a start", function(t)
    local world = world_module.new { tags = { BAD = { status = "Blocked" } } }
    t.ok(world.message("StartTransaction", {}).transactionId > 0)
    local answer = world.message("StartTransaction", { connectorId = "2", idTag = "bad", meterStart = "12.3",
      timestamp = json.null })
    t.equal(answer.idTagInfo.status, "Blocked")
    local event = world.of("tx.started")[2]
    t.equal({ event.f.evse, event.d.meterStartWh, event.d.authStatus }, { 2, 12, "Blocked" })
  end },
  { "numbers are never given twice, also not after an undone record", function(t)
    local world = world_module.new()
    local id = world.start(0)
    world.record:undo()
    t.equal(world.state:active_transaction("EV-1", 1), nil)
    t.ok(world.start(0) > id)
    t.ok(id < 2 ^ 31)
    world.state:put("n:tx", 2147483646)
    t.equal(world.start(1), 1)
  end },
  { "the state comes back from its dump and from the journal's lines", function(t)
    local world = world_module.new()
    local id = world.start(0)
    local back = state_module.new()
    local paused = 0
    for i = 1, 1200 do world.state:put("x" .. i, i) end
    back:restore(world.state:dump(world.now, function() paused = paused + 1 end))
    t.equal(back.values, world.state.values)
    t.equal(paused, 2)
    t.equal(#back:with_prefix("cs:"), #world.state:with_prefix("cs:"))
    t.equal(back:active_transaction("EV-1", 1).id, id)
    local record = record_module.new(world.state, world.station, world.now)
    record:put("x", 5)
    record:put("tx:" .. id, nil)
    local line = record:payload():match("^[^\n]*")
    back:replay(line)
    t.equal({ back:get("x"), back:active_transaction("EV-1", 1) }, { 5, nil })
    t.fails(function() back:restore("nonsense") end, "not JSON")
  end },
  { "what has expired is swept", function(t)
    local world = world_module.new()
    local id = world.start(0)
    stop(world, { transactionId = id, meterStop = 1 })
    local dump = world.state:dump(world.now + state_module.KEEP_MS + 1)
    t.equal({ dump:find("tx:" .. id, 1, true), world.state:get("tx:" .. id) }, {}, "dropped on the way")
    world.start(5)
    t.equal(world.state:sweep(world.now + state_module.KEEP_MS + 1), 1, "the memory of a start; it still runs")
    t.ok(world.state:get("n:tx"))
  end },
}
