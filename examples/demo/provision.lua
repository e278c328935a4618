-- provision.lua - makes the demo's administrator, nodes, stations, drivers and keys, all through REST.
--
-- What is there already stays: a second start asks for the lists and adds what is missing. A station's key
-- is shown once, by the POST that makes it; a station whose key is lost gets a new one.

local crypto = require "kw.crypto"
local timer = require "kw.timer"

-- The fleet's reader of arguments is good enough for us: its folder is beside this one.
package.path = package.path .. ";" .. package.path:match("^[^?]*") .. "../fleet/?.lua"

local files = require "files"
local names = require "names"
local options = require "options"
local rest = require "rest"

local OPTIONS = {
  { "url", "string", nil, "address of the service" },
  { "ca-file", "string", nil, "its certificate" },
  { "setup-code", "string", nil, "file of the setup code" },
  { "sign-in", "string", nil, "file for the administrator's e-mail, password and token" },
  { "fleet", "string", nil, "file of stations and drivers for the fleet" },
  { "stations", "integer", 60, "how many" },
  { "drivers", "integer", 40, "how many" },
  { "seed", "string", "1", "not used for what is registered" },
}
local AT_ONCE = 16

local chosen = assert(options.read(OPTIONS, ...))
local api = rest.new(chosen.url, chosen.ca_file)

-- Words a person can type: no letters that look alike.
local function new_password()
  local letters, parts = "abcdefghjkmnpqrstuvwxyz23456789", {}
  for part = 1, 4 do
    local text = {}
    for i = 1, 4 do
      local at = crypto.random_below(#letters) + 1
      text[i] = letters:sub(at, at)
    end
    parts[part] = table.concat(text)
  end
  return table.concat(parts, "-")
end

local function setup_code()
  local file = assert(io.open(chosen.setup_code, "r"))
  local code = file:read("l")
  file:close()
  return code
end

-- The password is kept before it is used: whatever stops us, the next start signs in with it.
local function sign_in()
  local known = files.read(chosen.sign_in)
  if not known then
    known = { email = "demo@kilowatch.example", password = new_password() }
    files.write(chosen.sign_in, known)
  end
  if known.token then
    api:use_token(known.token)
    local reply = api:ask("GET", "/api/v1/complex")
    if reply and reply.status == 200 then return end
    api.headers = {}
  end
  local path, body = "/api/v1/session", { email = known.email, password = known.password }
  local setup = api:ask("GET", "/api/v1/setup")
  if setup and setup.status == 200 then
    path, body.code, body.name = "/api/v1/setup", setup_code(), "Demo"
  end
  local _, answer = api:need("POST", path, body)
  assert(api:use_session(answer))
  known.token = api:need("POST", "/api/v1/tokens", { name = "demo", scopes = { "*" } }).token
  files.write(chosen.sign_in, known)
  api:use_token(known.token)
end

-- Do work(item) for every item, some at once; the first error ends everything.
local function each(items, work)
  local at, busy, failed = 0, 0, nil
  local function worker()
    while at < #items and not failed do
      at = at + 1
      local ok, why = pcall(work, items[at])
      if not ok then failed = failed or why end
    end
    busy = busy - 1
  end
  for _ = 1, math.min(AT_ONCE, #items) do
    busy = busy + 1
    assert(timer.spawn(worker))
  end
  while busy > 0 do timer.sleep(0.01) end
  if failed then error(failed, 0) end
end

local function by(items, field)
  local index = {}
  for _, item in ipairs(items) do index[item[field]] = item end
  return index
end

local function make_nodes()
  local there = by(api:all("/api/v1/nodes"), "id")
  local nodes, feeder_of = names.nodes(chosen.stations)
  for _, node in ipairs(nodes) do -- parents first, so one after the other
    if not there[node.id] then api:need("POST", "/api/v1/nodes", node) end
  end
  return feeder_of
end

local function make_stations(feeder_of)
  local there, keys = by(api:all("/api/v1/stations"), "id"), {}
  local before = files.read(chosen.fleet) or { stations = {} }
  for _, station in ipairs(before.stations) do keys[station.id] = station.key end
  local fleet, missing = {}, {}
  for i = 1, chosen.stations do
    local station = names.station(i)
    fleet[i], station.key = station, keys[station.id]
    local whole = there[station.id] and station.key
    if not whole then missing[#missing + 1] = { station, feeder_of[i] } end
  end
  each(missing, function(pair)
    local station, node_id = pair[1], pair[2]
    if there[station.id] then
      station.key = api:need("POST", "/api/v1/stations/" .. station.id .. "/key").key
      return
    end
    local connectors = {}
    for id = 1, station.connectors do
      connectors[id] = { id = id, kind = "Type2", hw_min_ma = 6000, hw_max_ma = station.max_a * 1000 }
    end
    station.key = api:need("POST", "/api/v1/stations", {
      id = station.id, name = station.id, node_id = node_id, phases = station.phases,
      rotation = names.ROTATIONS[station.rotation], connectors = connectors,
    }).key
  end)
  return fleet
end

local function make_drivers()
  local there, uids = by(api:all("/api/v1/drivers"), "note"), by(api:all("/api/v1/keys"), "uid")
  local people, missing = {}, {}
  for i = 1, chosen.drivers do
    local uid = names.uid(i)
    people[i] = { uid = uid, name = names.driver(i).name }
    if not uids[uid] then missing[#missing + 1] = i end
  end
  each(missing, function(i)
    local about, note = names.driver(i), "demo driver " .. i
    local driver = there[note] or api:need("POST", "/api/v1/drivers", {
      name = about.name, department = about.department, note = note,
    })
    api:need("POST", "/api/v1/keys", { uid = names.uid(i), label = "card", driver_id = driver.id })
  end)
  return people
end

sign_in()
local feeder_of = make_nodes()
local stations = make_stations(feeder_of)
files.write(chosen.fleet, { stations = stations, drivers = {} }) -- the keys are safe, whatever comes now
files.write(chosen.fleet, { stations = stations, drivers = make_drivers() })
return 0
