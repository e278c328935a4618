-- ready.lua - waits until the complex is whole, then writes demo.json: the one file a program needs.
--
-- Whole: /readyz answers 200 and nineteen of twenty stations are connected (some are away on purpose).

local timer = require "kw.timer"

-- The fleet's reader of arguments is good enough for us: its folder is beside this one.
package.path = package.path .. ";" .. package.path:match("^[^?]*") .. "../fleet/?.lua"

local files = require "files"
local options = require "options"
local rest = require "rest"

local OPTIONS = {
  { "url", "string", nil, "address of the service" },
  { "ca-file", "string", nil, "its certificate" },
  { "sign-in", "string", nil, "file of the sign-in" },
  { "stations", "integer", 60, "how many there must be" },
  { "out", "string", nil, "demo.json" },
  { "ocpp-url", "string", nil, "told in demo.json" },
  { "control-url", "string", nil, "told in demo.json" },
  { "redis-url", "string", nil, "told in demo.json" },
  { "run-dir", "string", nil, "folder of the parts' pid files" },
  { "timeout", "integer", 120, "seconds to wait" },
}
local STEP_S, ENOUGH = 0.2, 0.95

local chosen = assert(options.read(OPTIONS, ...))
local sign_in = assert(files.read(chosen.sign_in))
local api = rest.new(chosen.url, chosen.ca_file)
api:use_token(sign_in.token)

local function what_is_missing()
  local ready, why = api:ask("GET", "/readyz")
  if not ready then return why end
  if ready.status ~= 200 then return "/readyz: " .. ready.status .. " " .. ready.body:sub(1, 200) end
  local stations = api:need("GET", "/api/v1/complex").stations
  local connected = stations.total - stations.offline - stations.unknown
  if connected < math.floor(chosen.stations * ENOUGH) then
    return ("%d of %d stations are connected"):format(connected, chosen.stations)
  end
  return nil
end

local missing
for _ = 1, math.ceil(chosen.timeout / STEP_S) do
  missing = what_is_missing()
  if not missing then break end
  timer.sleep(STEP_S)
end
if missing then
  io.stderr:write("not ready in ", chosen.timeout, " s: ", missing, "\n")
  return 1
end

local pids = {}
for _, part in ipairs { "redis", "gateway", "service", "fleet" } do
  local file = assert(io.open(chosen.run_dir .. "/" .. part .. ".pid", "r"))
  pids[part] = file:read("n")
  file:close()
end
files.write(chosen.out, {
  url = chosen.url, email = sign_in.email, password = sign_in.password, token = sign_in.token,
  ca_file = chosen.ca_file, ocpp_url = chosen.ocpp_url, control_url = chosen.control_url, redis_url = chosen.redis_url,
  run_dir = chosen.run_dir, pids = pids,
})
return 0
