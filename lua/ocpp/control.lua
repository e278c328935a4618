-- control.lua - the control API of the complex contract (5): orders in, outcomes out.
--
-- The token was checked by C. A body is refused whole, with the field that is wrong; an Idempotency-Key makes
-- the same order the same command. Connected or not is said at once: nothing waits in silence.

local crypto = require "kw.crypto"
local json = require "kw.json"
local v16 = require "ocpp.v16.commands"

local M = {}

M.BODY_MAX = 256 * 1024

local FIELDS = { command = true, evseId = true, connectorId = true, txId = true, params = true, deadlineMs = true }
local NUMBERS = { evseId = "connector", connectorId = "connectorId", txId = "tx", deadlineMs = "deadline_ms" }
local TITLES = { [400] = "Bad Request", [404] = "Not Found", [409] = "Conflict", [415] = "Unsupported Media Type",
                 [503] = "Service Unavailable" }

local function problem(status, code, detail, extra)
  local body = { type = "about:blank", title = TITLES[status], status = status, code = code, detail = detail }
  for name, value in pairs(extra or {}) do body[name] = value end
  return status, body, { ["Content-Type"] = "application/problem+json" }
end

local function given(value) return value ~= nil and value ~= json.null end

-- {cs, key, hash, command, connector, tx, params, deadline_ms} | nil, slug, what is wrong
local function read(req)
  local key, body = req:header("Idempotency-Key"), req.json
  if not key then return nil, "bad-request", "The header Idempotency-Key is needed." end
  if #key < 1 or #key > 64 or key:find("[^A-Za-z0-9_-]") then
    return nil, "bad-request", "Idempotency-Key: 1 to 64 of A-Z a-z 0-9 _ -"
  end
  if type(body) ~= "table" or #body > 0 then
    return nil, "bad-json", req.json_error and "The body is not JSON: " .. req.json_error
      or "The body must be a JSON object, as in {\"command\":\"reset\",\"params\":{\"type\":\"Soft\"}}."
  end
  for name in pairs(body) do
    if not FIELDS[name] then return nil, "bad-request", "unknown field " .. tostring(name) end
  end
  if type(body.command) ~= "string" then return nil, "bad-request", "command is needed" end
  if given(body.params) and (type(body.params) ~= "table" or #body.params > 0) then
    return nil, "bad-request", "params: expected an object"
  end
  local cmd = { cs = req.params.cs, key = key, command = body.command,
                params = given(body.params) and body.params or {} }
  for field, name in pairs(NUMBERS) do
    if given(body[field]) then
      cmd[name] = math.tointeger(tonumber(body[field]))
      if not cmd[name] or cmd[name] < 0 then return nil, "bad-request", field .. ": expected an integer >= 0" end
    end
  end
  -- 1.6 has one connector an evse: evseId is the station's connector number, connectorId alone means the same
  cmd.connector, cmd.connectorId = cmd.connector or cmd.connectorId, nil
  cmd.hash = crypto.sha256(json.encode { cmd.cs, cmd.command, cmd.connector or -1, cmd.tx or -1, cmd.params,
                                         cmd.deadline_ms or -1 })
  return cmd
end

--- @param gateway table  {commands, sessions, state, redis, auth, options}
function M.new(gateway)
  local commands, M_ = gateway.commands, {}

  local function is_known(cs)
    if gateway.sessions:station(cs) or gateway.state:get("cs:" .. cs) then return true end
    local found = gateway.redis:call("EXISTS", gateway.options.redis_prefix .. "auth:" .. cs)
    return math.type(found) == "integer" and found > 0
  end

  local function repeated(cmd)
    local before = commands:of_key(cmd.key)
    if not before then return nil end
    if before.hash == cmd.hash then return 200, commands.present(before) end
    return problem(409, "idempotency-conflict", "This Idempotency-Key belongs to another order.")
  end

  --- POST /v1/stations/{cs}/commands
  function M_.post(req)
    if not (req:header("Content-Type") or ""):lower():find("^application/json") then
      return problem(415, "unsupported-media-type", "Send Content-Type: application/json.")
    end
    local cmd, slug, why = read(req)
    if not cmd then return problem(400, slug, why) end
    if not v16.table[cmd.command] then return problem(400, "unknown-command", "unknown command " .. cmd.command) end
    if cmd.deadline_ms and (cmd.deadline_ms < 1 or cmd.deadline_ms > commands.DEADLINE_MAX_MS) then
      return problem(400, "bad-request", "deadlineMs: expected 1 to 86400000")
    end
    local built, not_built = v16.build(cmd)
    if not built then return problem(400, "bad-request", not_built) end
    local status, body, headers = repeated(cmd)
    if status then return status, body, headers end
    if not is_known(cmd.cs) then
      return problem(404, "unknown-station", "This station has no key and never connected.")
    end
    if not gateway.sessions:station(cmd.cs) and not cmd.deadline_ms then
      return problem(409, "offline", "The station is not connected; deadlineMs would make the order wait for it.")
    end
    status, body, headers = repeated(cmd) -- is_known may have waited
    if status then return status, body, headers end
    local doc, failed = commands:submit(cmd)
    if failed == "busy" then return problem(503, "busy", "Too many orders wait for this station.") end
    if not doc then return problem(503, "disk", "The journal does not take the order; nothing was sent.") end
    return 202, { commandId = doc.id, state = doc.state }, { Location = "/v1/commands/" .. doc.id }
  end

  --- GET /v1/commands/{id}
  function M_.get(req)
    local doc = commands:get(req.params.id)
    if not doc then return problem(404, "not-found", "There is no such command, or it is older than a day.") end
    return 200, commands.present(doc)
  end

  --- GET /v1/stations: what this gateway knows of its stations
  function M_.stations()
    local items = {}
    for _, entry in ipairs(gateway.state:with_prefix("cs:")) do
      local about = entry[2]
      items[#items + 1] = { cs = entry[1], connected = gateway.sessions:station(entry[1]) ~= nil, vendor = about.vendor,
                            model = about.model, firmwareVersion = about.firmware, conGen = about.generation,
                            remoteAddr = about.peer }
    end
    return 200, { items = json.array(items) }
  end

  --- GET /v1/unknown-stations: identities that came without having a key
  function M_.unknown() return 200, { items = json.array(gateway.auth:unknown_stations()) } end

  function M_.register(routes)
    routes.add("POST", "/v1/stations/{cs}/commands", { body_max = M.BODY_MAX }, M_.post)
    routes.add("GET", "/v1/commands/{id}", { body_max = 0 }, M_.get)
    routes.add("GET", "/v1/stations", { body_max = 0 }, M_.stations)
    routes.add("GET", "/v1/unknown-stations", { body_max = 0 }, M_.unknown)
  end

  return M_
end

return M
