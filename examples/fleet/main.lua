-- main.lua - a fleet of charging stations as OCPP 1.6J clients of a central system.
--
--     kilowatch run examples/fleet/main.lua --url ws://127.0.0.1:8887/ocpp --stations FILE.json
--
-- FILE: {"stations": [{"id", "key", "connectors"?, "phases"?, "max_a"?, "rotation"?, "vendor"?, "model"?,
-- "firmware"?}], "drivers": [{"uid", "name"?}]}. What a station does is a function of the seed and of what
-- the central system answers. TZ gives the hour of the day.

local json = require "kw.json"
local log = require "kw.log"
local time = require "kw.time"
local timer = require "kw.timer"
local ws = require "kw.ws"

local arrivals = require "arrivals"
local driver = require "driver"
local faults = require "faults"
local ledger = require "ledger"
local opening = require "opening"
local options = require "options"
local saved = require "saved"
local station = require "station"
local world = require "world"

local OPTIONS = {
  { "url", "string", nil, "address of the OCPP endpoint, without the station's id" },
  { "stations", "string", nil, "file of stations and drivers" },
  { "ca-file", "string", nil, "certificate of a wss:// endpoint" },
  { "seed", "string", "1", "any text; the same seed gives the same cars and people" },
  { "speed", "number", 1, "cars come, charge and leave so many times faster" },
  { "arrivals", "string", "day", "day: by the hour; flat: every hour a busy one" },
  { "empty", "flag", false, "nobody is charging at the beginning" },
  { "calm", "flag", false, "nothing breaks and no link is lost" },
  { "meter", "integer", 10, "seconds between meter values of a session" },
  { "aligned", "integer", 0, "seconds between meter values of an idle connector; 0: none" },
  { "retry", "integer", 60, "seconds before a refused transaction message is sent again" },
  { "call-timeout", "integer", 30, "seconds to wait for an answer" },
  { "connect-over", "number", nil, "seconds over which the stations are switched on (stations / 100)" },
  { "state", "string", nil, "file that keeps registers and open transactions over a restart" },
  { "ledger", "string", nil, "file for one JSON line per acknowledged start and stop" },
  { "until", "string", nil, "when this file appears: end all sessions, wait for the answers, exit" },
  { "run-for", "integer", nil, "the same after so many seconds" },
  { "report", "integer", 60, "seconds between lines of counters; 0: none" },
}
local STEP_S, SAVE_S, LOOK_S = 1, 10, 0.5
local IDLE_S = 0.02 -- what is added while the fleet sleeps is late by this at most

local function read_stations(path)
  local file, why = io.open(path, "r")
  if not file then return nil, why end
  local text = file:read("a")
  file:close()
  local list, where = json.decode(text)
  if type(list) ~= "table" or type(list.stations) ~= "table" then
    return nil, path .. ": " .. (where or "no field `stations`")
  end
  return list
end

local function make_world(chosen, people)
  local now = os.date("*t")
  local books, why = ledger.open(chosen.ledger)
  if not books then return nil, why end
  return world.new({
    seed = chosen.seed, speed = chosen.speed, url = chosen.url:gsub("/+$", ""), ca_file = chosen.ca_file,
    meter_s = chosen.meter, aligned_s = chosen.aligned, retry_s = chosen.retry,
    call_timeout_s = chosen.call_timeout, flat = chosen.arrivals == "flat",
  }, {
    clock = function() return time.mono_us() / 1e6 end, wall_ms = time.now_ms,
    rfc3339 = function(_, ms) return time.rfc3339(ms or time.now_ms()) end, hour0 = now.hour + now.min / 60,
    dial = ws.connect, spawn = timer.spawn, log = log,
  }, driver.new(people, chosen.seed), books)
end

local function report(the_world, stations)
  local stats, waiting = the_world.stats, 0
  for _, each in ipairs(stations) do waiting = waiting + each.outbox:waiting() end
  log.info("fleet", { connected = stats.connected, charging = #the_world.active, calls = stats.calls,
                      commands = stats.commands, errors = stats.errors, timeouts = stats.timeouts,
                      resent = stats.resent, waiting = waiting, started = the_world.ledger.started,
                      stopped = the_world.ledger.stopped })
end

-- End every session and wait until all of it is acknowledged.
local function wind_down(the_world, stations)
  the_world.closing = true
  for _, each in ipairs(stations) do
    if each.on and not each.link:up() then each:power_on(0) end
    for _, connector in ipairs(each.connectors) do
      connector:finish("Local")
      connector:car_goes()
    end
  end
  while true do
    local waiting = 0
    for _, each in ipairs(stations) do waiting = waiting + each.outbox:waiting() end
    if waiting == 0 then break end
    timer.sleep(0.2)
  end
  the_world.ledger:close()
end

local function file_there(path)
  local file = io.open(path, "r")
  if file then file:close() end
  return file ~= nil
end

local chosen, why = options.read(OPTIONS, ...)
if not chosen or not chosen.url or not chosen.stations then
  io.stderr:write("fleet: ", why or "--url and --stations are needed", "\n",
                  options.usage("examples/fleet/main.lua", OPTIONS), "\n")
  return 2
end
local list, bad = read_stations(chosen.stations)
if not list then
  io.stderr:write("fleet: ", bad, "\n")
  return 2
end
local the_world, no_world = make_world(chosen, list.drivers or {})
if not the_world then
  io.stderr:write("fleet: ", no_world, "\n")
  return 2
end
local memory = saved.load(chosen.state)
local stations, over_s = {}, chosen.connect_over or #list.stations / 100
for i, spec in ipairs(list.stations) do
  local each = station.new(the_world, spec, memory[spec.id])
  stations[i] = each
  opening.set(each, faults, chosen.empty, chosen.calm, memory[spec.id])
  each:align(true)
  each:power_on(over_s * (i - 1) / #list.stations)
  if not chosen.calm and not chosen.empty and each.rng:chance(arrivals.OFFLINE) then -- seen once, then lost
    the_world:after(over_s + each.rng:real(2, 8), function()
      faults.lose(each, the_world:life(each.rng:real(600, 2400)))
    end)
  end
  if not chosen.calm then faults.begin(each) end
end
log.info("fleet switched on", { stations = #stations, seconds = math.ceil(over_s), seed = chosen.seed })

timer.spawn(function() -- each at its own moment: stations do not speak in chorus
  while true do
    timer.sleep(the_world.agenda:idle_s(IDLE_S))
    the_world.agenda:run()
  end
end)
local last = the_world.clock()
timer.every(STEP_S, function()
  local now = the_world.clock()
  the_world:step(now - last)
  last = now
end)
if chosen.report > 0 then timer.every(chosen.report, function() report(the_world, stations) end) end

local began, saved_at = the_world.clock(), the_world.clock()
while true do
  timer.sleep(LOOK_S)
  local now = the_world.clock()
  if chosen.state and now - saved_at >= SAVE_S then
    saved.save(chosen.state, stations)
    saved_at = now
  end
  if chosen["until"] and file_there(chosen["until"]) or chosen.run_for and now - began >= chosen.run_for then break end
end
wind_down(the_world, stations)
if chosen.state then saved.save(chosen.state, stations) end
report(the_world, stations)
return 0
