-- service_host.lua - What C gives to the service's Lua, as far as a test without sockets needs it.
--
-- new() loads lua/service.lua over fakes of the modules that only `serve` has (routes, store, live model,
-- settings, redis) and gives call(method, target, options) to send requests straight into the handlers.

local json = require("kw.json")
local memory_store = require("support.memory_store")

local M = {}

local OURS = { "^api%.", "^kw%.", "^service$", "^policies%." }
local KEPT = { ["kw.json"] = true, ["kw.log"] = true, ["kw.time"] = true, ["kw.timer"] = true, ["kw.crypto"] = true }

local function forget_ours()
  for name in pairs(package.loaded) do
    for _, pattern in ipairs(OURS) do
      if name:find(pattern) and not KEPT[name] then package.loaded[name] = nil end
    end
  end
end

local function fake_complex(model)
  return {
    put_node = function(spec)
      model.nodes[spec.id] = spec
      return true
    end,
    remove_node = function(id)
      model.nodes[id] = nil
      return true
    end,
    put_station = function(spec)
      local before = model.stations[spec.id] or {}
      model.stations[spec.id] = { id = spec.id, registered = true, online = before.online or false,
                                  state = before.state or "unknown", connectors = before.connectors or {} }
      return true
    end,
    remove_station = function(id)
      model.stations[id] = nil
      return true
    end,
    put_key = function(uid, id, name) model.keys[uid] = { id, name } end,
    remove_key = function(uid) model.keys[uid] = nil end,
    station = function(id) return model.stations[id] end,
    node = function(id)
      return model.nodes[id] and { power_w = 0, current_ma = json.array({ 0, 0, 0 }), stale = false }
    end,
    ids = function(filter)
      local list = json.array()
      for id, one in pairs(model.stations) do
        local state = not filter.state
        for _, wanted in ipairs(filter.state or {}) do state = state or one.state == wanted end
        if state and (filter.registered == nil or one.registered == filter.registered) and
           (filter.online == nil or one.online == filter.online) then
          list[#list + 1] = id
        end
      end
      table.sort(list)
      return list
    end,
    json = function() return "{}" end,
    summary = function() return { feed = { state = "live", lag_ms = 1, last_event_at = json.null } } end,
    feed = function() return { state = "live", lag_ms = 1, last_event_at = json.null } end,
  }
end

local function segments(path)
  local list = {}
  for part in path:gmatch("[^/]+") do list[#list + 1] = part end
  return list
end

local function match(pattern, path)
  local a, b, params = segments(pattern), segments(path), {}
  if #a ~= #b then return nil end
  for i, part in ipairs(a) do
    local name = part:match("^{(.+)}$")
    if name then params[name] = b[i] elseif part ~= b[i] then return nil end
  end
  return params
end

--- A loaded service. options: settings (table), before(host) to prepare the store.
function M.new(options)
  options = options or {}
  forget_ours()
  local host = { routes = {}, model = { nodes = {}, stations = {}, keys = {} }, files = {}, published = {}, ended = {},
                 redis = {}, http = nil, cookie = nil, token = nil }
  local settings = { session_hours = 12, complex_name = "Test", zone = "UTC", contact = "", data_dir = "/nowhere",
                     redis_prefix = "kw:1:", redis_url = "redis://x", control_url = "http://control",
                       control_token = "",
                     plain_http = false }
  for name, value in pairs(options.settings or {}) do settings[name] = value end
  host.store = memory_store.new()
  local loaded = package.loaded
  loaded["kw.store.raw"] = host.store
  loaded["kw.routes"] = { add = function(method, pattern, _, handler)
    local route = { method = method, pattern = pattern, handler = handler }
    if pattern:find("{", 1, true) then table.insert(host.routes, route) else table.insert(host.routes, 1, route) end
  end }
  loaded["kw.settings"] = {
    get = function(name) return settings[name] end, version = function() return "0.0-test" end,
    write_private = function(name, text)
      host.files[name] = text
      return true
    end,
    remove_file = function(name) host.files[name] = nil end,
  }
  loaded["kw.complex"] = fake_complex(host.model)
  loaded["kw.live"] = {
    publish = function(topic, owner, value)
      table.insert(host.published, { topic, owner, json.decode(json.encode(value)) })
    end,
    end_session = function(id) host.ended[id] = true end, end_account = function(id) host.ended[id] = true end,
  }
  loaded["kw.redis"] = { connect = function() return { up = function() return false end } end }
  loaded["kw.http"] = { request = function(request) return host.http(request) end }
  for name, fake in pairs(options.modules or {}) do loaded[name] = fake end
  if options.before then options.before(host) end
  host.service = require("service")
  host.service.start()
  return setmetatable(host, { __index = M })
end

local function query_of(target)
  local path, text = target:match("^([^?]*)%??(.*)$")
  local list = {}
  for name, value in text:gmatch("([^&=]+)=([^&]*)") do
    list[#list + 1] = { name, (value:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)) }
  end
  return path, list
end

--- Send a request: status, body, headers. options: json, headers, cookie (false: none), token.
function M.call(host, method, target, options)
  options = options or {}
  local path, list = query_of(target)
  local headers = { host = "kw.test", origin = "https://kw.test" }
  for name, value in pairs(options.headers or {}) do headers[name:lower()] = value or nil end
  local token = options.token or (options.cookie == nil and host.token) or nil
  if token then headers.authorization = "Bearer " .. token end
  local text = options.json ~= nil and json.encode(options.json) or options.body or ""
  if text ~= "" then headers["content-type"] = headers["content-type"] or "application/json" end
  for _, route in ipairs(host.routes) do
    local params = route.method == method and match(route.pattern, "/api/v1" .. path)
    if params then
      local req = { method = method, path = "/api/v1" .. path, target = target, params = params, query = list,
                    query_error = false, body = text, peer = options.peer or "192.0.2.1", host = "kw.test",
                    tls = true, id = "0123456789abcdef" }
      if text ~= "" and headers["content-type"] == "application/json" then
        req.json, req.json_error = json.decode(text)
      end
      req.header = function(_, name) return headers[name] end
      req.cookie = function()
        local cookie = options.cookie
        if cookie == nil and not token then cookie = host.cookie end
        return cookie or nil
      end
      local status, body, out = route.handler(req)
      local cookie = out and out["Set-Cookie"] and out["Set-Cookie"]:match("^__Host%-kw_session=([^;]*)")
      if type(body) == "table" then body = json.decode(json.encode(body)) end
      return status, body, out or {}, cookie
    end
  end
  return 404, nil, {}
end

--- Make the first administrator; later calls are signed in as it.
function M.sign_in_administrator(host)
  local code = host.files["setup-code"]:match("%S+")
  local status, _, _, cookie = host:call("POST", "/setup", { json = {
    code = code, email = "Admin@Example.org", name = "Admin", password = "a long enough secret 1" } })
  assert(status == 201, "setup answered " .. tostring(status))
  host.cookie = cookie
  return host
end

return M
