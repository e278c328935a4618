-- config.lua - every option of the program: type, default, range, doc. One table, many readers.
--
-- The configuration file is Lua with data only: `return { listen_port = 8443 }`. It runs in an empty
-- environment, so it cannot compute with the outside world. `KW_LISTEN_PORT=9443` in the environment
-- overrides the file. A wrong name, type or range is refused with the option's own rule.

local M = {}

local function text(default, doc) return { type = "string", default = default, doc = doc } end
local function integer(default, min, max, doc)
  return { type = "integer", default = default, min = min, max = max, doc = doc }
end
local function boolean(default, doc) return { type = "boolean", default = default, doc = doc } end

-- `for_` limits an option to commands; without it every command reads it.
M.options = {
  data_dir = text("./kilowatch-data", "Folder of the database, certificates and the gateway's journal."),
  log_level = { type = "string", default = "info", enum = { "debug", "info", "warn", "error" },
                doc = "Least level that is written to standard error." },
  redis_url = text("redis://127.0.0.1:6379", "Redis of the complex: redis://, or unix:///path for a socket."),
  redis_prefix = text("kw:1:", "Prefix of every key of the complex contract."),
  pid_file = text("", "Where to write the process id; empty: nowhere."),

  -- the service
  listen_host = text("0.0.0.0", "Address of the web server."),
  listen_port = integer(8443, 0, 65535, "Port of the web server (HTTPS); 0: any free one, printed at start."),
  plain_http = boolean(false, "Serve plain HTTP instead of HTTPS: for development behind a proxy."),
  tls_cert = text("", "Certificate chain (PEM); empty: DATA/tls/cert.pem, made self-signed at first start."),
  tls_key = text("", "Private key (PEM, mode 0600); empty: DATA/tls/key.pem."),
  tls_names = text("localhost,127.0.0.1", "Names and addresses in the self-signed certificate."),
  web_dir = text("", "Folder of the built web UI; empty: beside the program."),
  site_dir = text("", "Folder of the site's own Lua; empty: none."),
  control_url = text("http://127.0.0.1:8180", "REST control of the complex (complex contract 5)."),
  control_token = text("", "Bearer token for the control API (both sides); empty: loopback only, none."),
  complex_name = text("Kilowatch", "Name of the complex, as people see it."),
  zone = text("UTC", "IANA time zone of the complex, e.g. Europe/Moscow."),
  contact = text("", "Whom to ask for an account; shown on the sign-in page."),
  metrics_token = text("", "Bearer token for /metrics; empty: from loopback only."),
  session_hours = integer(12, 1, 720, "Absolute life of a session."),
  stale_after_s = integer(90, 5, 3600, "Age at which a meter value of a charging connector is stale."),
  live_tick_ms = integer(50, 10, 1000, "Coalescing tick of the live feed when it is busy."),
  live_clients = integer(2000, 1, 20000, "Live connections in all; one more is closed with 4429."),
  live_clients_per_account = integer(200, 1, 20000, "Live connections of one account or token."),
  smtp_url = text("", "Mail server, smtp://host:25 or smtps://host:465; empty: no mail, links are shown."),
  smtp_from = text("", "Sender of mails."),

  -- the gateway
  gateway_id = text("gw1", "Name of this gateway in the events it writes."),
  ocpp_host = text("0.0.0.0", "Address of the OCPP listeners."),
  ocpp_port = integer(-1, -1, 65535, "Port of OCPP over ws (security profile 1); -1: off, 0: any free one."),
  ocpps_port = integer(8887, -1, 65535, "Port of OCPP over wss (security profile 2); -1: off, 0: any free one."),
  control_host = text("127.0.0.1", "Address of the control API; beyond loopback control_token is required."),
  control_port = integer(8180, 0, 65535, "Port of the control API; 0: any free one."),
  allow_profile_0 = boolean(false, "Let stations whose key record says profile 0 in without a password."),
  assume_protocol = { type = "string", default = "", enum = { "", "ocpp1.6" },
                      doc = "Protocol of a station that names none; empty: close it, as the standard says." },
  accept_hex_literal = boolean(false, "Also accept a key that a station sends as its hex digits."),
  newest_wins = boolean(false, "A second connection of a station replaces the first without asking it."),
  offline_auth = { type = "string", default = "accept_known", enum = { "accept_known", "reject", "accept_all" },
                   doc = "Tokens while Redis is away: accept_known answers as last time and refuses new ones, "
                     .. "reject refuses all, accept_all accepts new ones too." },
  heartbeat_s = integer(300, 10, 86400, "Heartbeat interval told to stations."),
  ping_s = integer(30, 5, 3600, "WebSocket ping interval; two silent ones close the link."),
  key_check_s = integer(60, 1, 3600, "How often the keys of connected stations are looked at: one taken away ends "
                                     .. "its connection."),
  checkpoint_records = integer(20000, 100, 1000000, "Journal records after which the gateway's memory is written "
                                                    .. "out and older ones are dropped."),
  call_timeout_s = integer(30, 1, 600, "Time for a station to answer a call."),
}

local function describe(name, option)
  local rule = option.type
  if option.min then rule = ("%s %d..%d"):format(rule, option.min, option.max) end
  if option.enum then rule = "one of \"" .. table.concat(option.enum, "\", \"") .. "\"" end
  return ("%s: expected %s (%s)"):format(name, rule, option.doc)
end

local function fits(option, value)
  if option.type == "integer" then
    return math.type(value) == "integer" and value >= option.min and value <= option.max
  end
  if type(value) ~= option.type then return false end
  if not option.enum then return true end
  for _, allowed in ipairs(option.enum) do
    if allowed == value then return true end
  end
  return false
end

local function from_environment(option, value)
  if option.type == "integer" then return math.tointeger(tonumber(value)) end
  if option.type == "boolean" then
    if value == "1" or value == "true" then return true end
    if value == "0" or value == "false" then return false end
    return nil
  end
  return value
end

local function nearest(name)
  for known in pairs(M.options) do
    if known:find(name, 1, true) or name:find(known, 1, true) then return " (did you mean " .. known .. "?)" end
  end
  return ""
end

local function read_file(file)
  local chunk, why = loadfile(file, "t", {})
  if not chunk then return nil, why end
  local ok, result = pcall(chunk)
  if not ok then return nil, tostring(result) end
  if type(result) ~= "table" then return nil, file .. ": must return a table, as in: return { listen_port = 8443 }" end
  return result
end

--- Read FILE (nil: none) and the environment.
---@param file string|nil
---@param _command string
---@param given_by_program table<string, string>|nil  options of an embedding program; they win
---@return table<string, string|integer|boolean>|nil options  every option, with its value
---@return string|nil error  what is wrong, where, and the rule
function M.load(file, _command, given_by_program)
  local values = {}
  for name, option in pairs(M.options) do values[name] = option.default end
  if file then
    local given, why = read_file(file)
    if not given then return nil, why end
    for name, value in pairs(given) do
      local option = M.options[name]
      if not option then
        return nil, ("%s: unknown option %s%s"):format(file, tostring(name), nearest(tostring(name)))
      end
      if not fits(option, value) then return nil, file .. ": " .. describe(name, option) end
      values[name] = value
    end
  end
  for name, option in pairs(M.options) do
    local variable = "KW_" .. name:upper()
    local value = os.getenv(variable)
    if value then
      local converted = from_environment(option, value)
      if converted == nil or not fits(option, converted) then return nil, variable .. ": " .. describe(name, option) end
      values[name] = converted
    end
  end
  for name, value in pairs(given_by_program or {}) do
    local option = M.options[name]
    if not option then return nil, ("unknown option %s%s"):format(name, nearest(name)) end
    local converted = from_environment(option, value)
    if converted == nil or not fits(option, converted) then return nil, "option " .. describe(name, option) end
    values[name] = converted
  end
  return values
end

return M
