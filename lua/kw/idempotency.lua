-- idempotency.lua - The same Idempotency-Key gives the same answer for 24 hours.
--
-- The key is taken (inserted) before the handler runs, so that two at once cannot both run. The answer
-- is kept sealed under the client's own key, of which only the hash is stored: an answer may hold a
-- secret that is shown once. Answers of 500 and more are not kept: the client may try again.

local json = require("kw.json")
local time = require("kw.time")
local timer = require("kw.timer")
local crypto = require("kw.crypto")
local store = require("kw.store")
local problem = require("kw.problem")

local M = {}

local KEEP_MS = 24 * 3600 * 1000
local RUNNING_MS = 60000 -- a handler that has not ended by then has died with its process
local WAIT_S, WAITS = 0.1, 100

M.declaration = {
  name = "idempotency", key = "id", indexes = { { "created_ms" } },
  fields = { id = { type = "string" }, request_hash = { type = "string" }, state = { type = "string" },
             created_ms = { type = "integer" }, status = { type = "integer" }, answer = { type = "string" } },
}

local function who(caller)
  return caller and caller.account_id or "public"
end

local function answer_again(req, seal_key, record)
  local bytes = crypto.unbase64(record.answer)
  local text = bytes and crypto.open(seal_key, bytes)
  local kept = text and json.decode(text)
  if not kept then return problem(req, 409, "idempotency-conflict") end
  local headers = kept.headers or {}
  headers["Idempotent-Replay"] = "true"
  return record.status, kept.body ~= json.null and kept.body or nil, headers
end

-- The record of a key that somebody took: waits while its first request runs.
local function wait_for(id)
  for _ = 1, WAITS do
    local record, slug = store.get("idempotency", id)
    if not record then return nil, slug end
    if record.state == "done" or time.now_ms() - record.created_ms > RUNNING_MS then return record end
    timer.sleep(WAIT_S)
  end
  return nil, "busy"
end

-- true: the key is ours, run; else the answer to give.
local function take(req, id, hash, seal_key)
  local doc = { id = id, request_hash = hash, state = "running", created_ms = time.now_ms() }
  for _ = 1, 3 do
    local taken, slug, detail = store.insert("idempotency", doc)
    if taken then return true end
    if slug ~= "exists" then return problem.of_store(req, slug, detail) end
    local record, why = wait_for(id)
    if not record and why ~= "not-found" then return problem(req, 503, "busy") end
    if record then
      local old = time.now_ms() - record.created_ms > KEEP_MS
      if not old and record.request_hash ~= hash then return problem(req, 409, "idempotency-conflict") end
      if record.state == "done" and not old then return answer_again(req, seal_key, record) end
      store.delete("idempotency", id)
    end
  end
  return problem(req, 503, "busy")
end

--- Run the operation at most once for this key.
function M.run(op, req, caller, key)
  if #key > 128 or #key < 1 or key:find("[^%w_%-%.:]") then
    return problem(req, 400, "bad-request", "Idempotency-Key is 1 to 128 of letters, digits, _ - . :")
  end
  local seal_key = who(caller) .. "\n" .. key
  local id = crypto.sha256(seal_key)
  local hash = crypto.sha256(op.method .. "\n" .. req.path .. "\n" .. (req.json and json.encode(req.json) or req.body))
  local mine, again, again_headers = take(req, id, hash, seal_key)
  if mine ~= true then return mine, again, again_headers end
  local ok, status, body, headers = pcall(op.run, req, caller)
  if not ok or status >= 500 then
    store.delete("idempotency", id)
    if not ok then error(status, 0) end
    return status, body, headers
  end
  local kept = json.encode({ body = body or json.null, headers = headers })
  store.update("idempotency", id, { state = "done", status = status,
                                    answer = crypto.base64(crypto.seal(seal_key, kept)) })
  return status, body, headers
end

--- Forget what is older than a day; called now and then.
function M.sweep()
  local found = store.find("idempotency", { where = { { "created_ms", "<", time.now_ms() - KEEP_MS } }, limit = 1000 })
  local ops = {}
  for _, record in ipairs(found and found.items or {}) do
    ops[#ops + 1] = { op = "delete", from = "idempotency", key = record.id }
  end
  if ops[1] then store.batch(ops) end
end

return M
