-- problem.lua - Every refusal of the API in one shape (RFC 9457), with a stable code.
--
-- A handler ends with `return problem(req, 404, "not-found")`: status, body, headers as routes want
-- them. The table of codes is also what the documentation of the API lists.

local TITLES = {
  [400] = "Bad Request", [401] = "Unauthorized", [403] = "Forbidden", [404] = "Not Found",
  [405] = "Method Not Allowed", [409] = "Conflict", [412] = "Precondition Failed", [413] = "Content Too Large",
  [415] = "Unsupported Media Type", [422] = "Unprocessable Content", [428] = "Precondition Required",
  [429] = "Too Many Requests", [500] = "Internal Server Error", [502] = "Bad Gateway",
  [503] = "Service Unavailable",
}

local M = {}

M.codes = {
  ["bad-request"] = "The request makes no sense.",
  ["bad-json"] = "The body is not JSON.",
  ["validation"] = "Some fields are not as they must be; see errors.",
  ["unknown-query"] = "The query has a name that this resource does not know.",
  ["bad-cursor"] = "The cursor is not one that this list gave.",
  ["not-signed-in"] = "Sign in first.",
  ["bad-credentials"] = "The e-mail or the password is wrong.",
  ["bad-code"] = "The code is wrong.",
  ["bad-token"] = "The link is wrong, used, or too old.",
  ["too-many-attempts"] = "Too many attempts; wait a little.",
  ["bad-origin"] = "The request comes from another site.",
  ["forbidden"] = "The account has no right to do this.",
  ["not-found"] = "There is no such thing.",
  ["conflict"] = "It does not fit what is there.",
  ["in-use"] = "It is in use.",
  ["built-in"] = "It is part of the program and cannot be changed.",
  ["last-administrator"] = "The last active administrator must stay one.",
  ["stale-revision"] = "It changed meanwhile; the current state is in `current`.",
  ["precondition-required"] = "Send If-Match with the revision that you have read.",
  ["idempotency-conflict"] = "The same Idempotency-Key came with another request.",
  ["unsupported-media-type"] = "The body must be application/json.",
  ["offline"] = "The station is offline.",
  ["control-unreachable"] = "The control interface of the complex does not answer.",
  ["busy"] = "The service is busy; try again.",
  ["internal"] = "The server failed; the log has this request's id.",
}

local there, metrics = pcall(require, "kw.metrics")
local counters = {}

-- Refusals by code, for /metrics. The codes are ours, so their number is bounded.
local function count(code)
  local counter = counters[code]
  if counter == nil then
    counter = there and metrics.counter and metrics.counter("kw_api_refusals_total", ('code="%s"'):format(code),
      "Requests that the API refused, by code.") or false
    counters[code] = counter
  end
  if counter then counter:add(1) end
end

--- status, body, headers of a problem. `extra` is merged into the body.
function M.answer(req, status, code, detail, extra, headers)
  local body = { type = "about:blank", title = TITLES[status] or "Error", status = status, code = code,
                 detail = detail or M.codes[code] or code, request_id = req.id }
  if extra then
    for name, value in pairs(extra) do body[name] = value end
  end
  count(code)
  headers = headers or {}
  headers["Content-Type"] = "application/problem+json"
  return status, body, headers
end

--- A store failure that the handler did not expect: busy is told, anything else is a fault.
function M.of_store(req, slug, detail)
  if slug == "busy" or slug == "full" then return M.answer(req, 503, "busy") end
  if slug == "not-found" then return M.answer(req, 404, "not-found") end
  if slug == "exists" then return M.answer(req, 409, "conflict", "There is one with this id already.") end
  error(("store: %s: %s"):format(tostring(slug), type(detail) == "string" and detail or "?"), 2)
end

return setmetatable(M, { __call = function(_, ...) return M.answer(...) end })
