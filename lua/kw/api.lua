-- api.lua - The table of operations and the one way through which every request goes.
--
-- An operation names its right; the start fails without one. In order: who is it, may it (one look-up),
-- is it from our page (Origin), is the query known, is the body what its schema says, does it carry the
-- revision, was it answered before (Idempotency-Key) - and only then its handler. A handler gets (req,
-- caller) with req.input (checked body), req.list (checked query), req.revision, and answers status,
-- body, headers.
--
-- right: "section.action" | "own" (anybody signed in) | "public". A grant that holds only in a subtree
-- opens only `placed` operations: those whose handler looks at the node of each thing.

local json = require("kw.json")
local audit = require("kw.audit")
local problem = require("kw.problem")
local check = require("kw.check")
local query = require("kw.query")
local rights = require("kw.rights")
local sessions = require("kw.sessions")
local idempotency = require("kw.idempotency")
local present = require("kw.present")
local log = require("kw.log")

local M = { base = "/api/v1", operations = {} }

local UNSAFE = { POST = true, PUT = true, PATCH = true, DELETE = true }
local CHECK_ANSWERS = os.getenv("KW_CHECK_ANSWERS") == "1"

-- The handler, followed by a check of its answer against the schema (tests set KW_CHECK_ANSWERS=1).
local function checked(op)
  return function(req, caller)
    local status, body, headers = op.handler(req, caller)
    if status ~= op.status or not op.answer then return status, body, headers end
    local faults = present.faults(op.answer, json.decode(type(body) == "string" and body or json.encode(body)))
    if not faults[1] then return status, body, headers end
    log.error("answer does not fit its schema", { operation = op.id, path = faults[1].path,
                                                  fault = faults[1].message, request = req.id })
    return problem(req, 500, "internal", "answer check: " .. faults[1].path .. " " .. faults[1].message)
  end
end

--- Declare an operation: method, path, right, id (operationId), tag, summary, handler; optional:
-- query (list of parameters), list (resource: generic list parameters), body (schema), answer (schema),
-- status (default 200), if_match, placed, idempotent (POST: true unless false), body_max, errors (extra statuses).
function M.operation(op)
  local where = ("%s %s"):format(op.method, op.path)
  local right = op.right
  if right ~= "own" and right ~= "public" and not rights.known[right or ""] then
    error(("%s: no known right is declared (%s)"):format(where, tostring(right)), 2)
  end
  if not (op.id and op.tag and op.summary and op.handler) then
    error(where .. ": id, tag, summary and handler are needed", 2)
  end
  op.status = op.status or 200
  op.run = CHECK_ANSWERS and checked(op) or op.handler
  op.unsafe = UNSAFE[op.method] or false
  if op.method == "POST" and op.idempotent == nil then op.idempotent = true end
  if op.list or op.query then op.plan = query.plan(op.list, op.query) end
  op.path_parameters = {}
  for name in op.path:gmatch("{(%w+)}") do op.path_parameters[#op.path_parameters + 1] = name end
  M.operations[#M.operations + 1] = op
  return op
end

local function origin_is_ours(req, origin)
  return origin == "https://" .. req.host or (not req.tls and origin == "http://" .. req.host)
end

-- An unsafe request with a cookie must name our own page; one without must not name another.
local function check_origin(req, caller)
  local origin = req:header("origin")
  if origin then return origin_is_ours(req, origin) end
  return not (caller and caller.kind == "session")
end

local function read_body(op, req)
  if op.body.type == "json" and req.body == "" then return true end
  local kind = req:header("content-type")
  if req.body ~= "" and (not kind or not kind:lower():find("^application/json")) then
    return problem(req, 415, "unsupported-media-type")
  end
  if req.json_error then return problem(req, 400, "bad-json", req.json_error) end
  if req.json == nil then return problem(req, 400, "bad-json", "A JSON body is needed.") end
  local errors = {}
  local input = check.value(op.body, req.json, "", errors)
  if errors[1] then
    return problem(req, 422, "validation", nil, { errors = json.array(errors) })
  end
  req.input = input
  return true
end

local function read_query(op, req)
  if not op.plan then
    if req.query[1] or req.query_error then
      return problem(req, 400, "unknown-query", "This resource has no query names.")
    end
    return true
  end
  local list, code, detail, errors = query.read(op.plan, req)
  if not list then
    return problem(req, 400, code, detail, errors and { errors = json.array(errors) })
  end
  req.list = list
  return true
end

-- If-Match: "3" or * -> the revision that must be there, or nil for any.
local function read_if_match(req)
  local text = req:header("if-match")
  if not text then return problem(req, 428, "precondition-required") end
  if text:find("^%s*%*%s*$") then return true end
  local revision = math.tointeger(tonumber(text:match('^%s*W?/?"?(%d+)"?%s*$')))
  if not revision then
    return problem(req, 400, "bad-request", 'If-Match must be one revision, as in If-Match: "3".')
  end
  req.revision = revision
  return true
end

local function prepare(op, req)
  local ok, body, headers = read_query(op, req)
  if ok == true and op.body then ok, body, headers = read_body(op, req) end
  if ok == true and op.if_match then ok, body, headers = read_if_match(req) end
  return ok, body, headers
end

-- Who it is and whether it may: caller | nil (public), or status, body, headers.
local function admit(op, req)
  local right = op.right
  local caller
  if right ~= "public" then
    local refused
    caller, refused = sessions.caller(req)
    if not caller then
      if refused == "busy" then return nil, problem(req, 503, "busy") end
      return nil, problem(req, 401, "not-signed-in", nil, nil, { ["WWW-Authenticate"] = "Bearer" })
    end
    local held = right == "own" or caller.rights[right]
    if not held or (held ~= true and not op.placed) then
      audit.refused(req, caller, op.id)
      return nil, problem(req, 403, "forbidden", ("The right %s is needed."):format(right))
    end
  end
  if op.unsafe and not check_origin(req, caller) then return nil, problem(req, 403, "bad-origin") end
  return caller
end

--- One request through everything. The function that routes call.
function M.handle(op, req)
  local caller, status, body, headers = admit(op, req)
  if status then return status, body, headers end
  status, body, headers = prepare(op, req)
  if status ~= true then return status, body, headers end
  if op.idempotent then
    local key = req:header("idempotency-key")
    if key then return idempotency.run(op, req, caller, key) end
  end
  return op.run(req, caller)
end

-- Answers are about people and for one person: no cache keeps them, unless an operation says otherwise.
local function private(status, body, headers)
  headers = headers or {}
  headers["Cache-Control"] = headers["Cache-Control"] or "no-store"
  return status, body, headers
end

--- Give every operation to the C router.
function M.register(routes)
  for _, op in ipairs(M.operations) do
    routes.add(op.method, M.base .. op.path, { body_max = op.body_max },
      function(req) return private(M.handle(op, req)) end)
  end
end

return M
