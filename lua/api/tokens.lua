-- tokens.lua - API tokens: a secret that is shown once, with scopes and an end.
--
-- A token belongs to an account and never has more than its owner. People see their own; it dies with the
-- account. A token cannot make another token.

local json = require("kw.json")
local time = require("kw.time")
local crypto = require("kw.crypto")
local api = require("kw.api")
local audit = require("kw.audit")
local present = require("kw.present")
local problem = require("kw.problem")
local query = require("kw.query")
local resource = require("kw.resource")
local rights = require("kw.rights")
local schema = require("kw.schema")
local sessions = require("kw.sessions")
local store = require("kw.store")

local M = {}

local TOKENS_MAX = 50 -- of one account
local SCOPES = { "*" }
for _, right in ipairs(rights.list) do SCOPES[#SCOPES + 1] = right end

local fields = {
  { "id", "string", required = true, read_only = true, doc = "Id." },
  { "name", "string", required = true, min_length = 1, max_length = 200, sort = true, doc = "What it is for." },
  { "scopes", schema.array({ "string", enum = SCOPES }, { min_items = 1, max_items = 50 }), required = true,
    doc = "Rights it may use; `*`: all of the owner." },
  { "expires_at", "time", null = true, doc = "When it ends; null: never." },
  { "created_at", "time", required = true, read_only = true, sort = true, doc = "When it was made." },
  { "last_used_at", "time", read_only = true, live = true, doc = "Last request with it." },
  { "account_id", "string", hidden = true, index = true },
  { "token_hash", "string", hidden = true },
}

M.resource = schema.resource { name = "Token", plural = "tokens", collection = "tokens", sort = { "created_at" },
                               doc = "An API token of the own account.", fields = fields }

local created = schema.resource { name = "NewToken", plural = "tokens", collection = "tokens", fields = {
  { "token", "string", required = true, live = true, doc = "The secret; it is not shown again." },
  table.unpack(fields) } }

local function show(doc)
  local out = present.doc(M.resource, doc)
  out.last_used_at = present.time(sessions.seen[doc.id])
  return out
end

local function list(req, caller)
  req.list.where[#req.list.where + 1] = { "account_id", "=", caller.account_id }
  local found, slug, detail = store.find("tokens", query.request(req.list))
  if not found then return problem.of_store(req, slug, detail) end
  local items = {}
  for i, doc in ipairs(found.items) do items[i] = show(doc) end
  return 200, query.page(req.list, found, items)
end

local function create(req, caller)
  if caller.kind ~= "session" then return problem(req, 403, "forbidden", "A token cannot make tokens; sign in.") end
  local found, slug, detail = store.find("tokens", { where = { { "account_id", "=", caller.account_id } },
                                                     limit = TOKENS_MAX })
  if not found then return problem.of_store(req, slug, detail) end
  if #found.items >= TOKENS_MAX then return problem(req, 409, "conflict", "This account has 50 tokens already.") end
  local doc = present.columns(M.resource, req.input)
  if doc.expires_ms and doc.expires_ms ~= json.null and doc.expires_ms <= time.now_ms() then
    return problem(req, 422, "validation", nil, { errors = { { path = "expires_at", code = "range",
                                                               message = "must be in the future" } } })
  end
  local secret = "kwt_" .. crypto.random_hex(32)
  doc.id, doc.account_id, doc.created_ms = resource.new_id(), caller.account_id, time.now_ms()
  doc.token_hash = crypto.sha256(secret)
  local results
  results, slug, detail = store.batch({
    { op = "insert", from = "tokens", doc = doc },
    audit.entry(req, caller, { action = "token.create", object_type = "token", object_id = doc.id,
                               after = { name = doc.name, scopes = doc.scopes } }) })
  if not results then return problem.of_store(req, slug, detail) end
  sessions.put_token(results[1])
  local out = show(results[1])
  out.token = secret
  return 201, out, { ["Cache-Control"] = "no-store", Location = "/api/v1/tokens/" .. doc.id }
end

local function delete(req, caller)
  local doc = store.get("tokens", req.params.id)
  if not doc or doc.account_id ~= caller.account_id then return problem(req, 404, "not-found") end
  local results, slug, detail = store.batch({
    { op = "delete", from = "tokens", key = doc.id },
    audit.entry(req, caller, { action = "token.delete", object_type = "token", object_id = doc.id }) })
  if not results then return problem.of_store(req, slug, detail) end
  sessions.remove_token(doc)
  return 204
end

function M.load()
  for _, doc in ipairs(assert(store.all("tokens"))) do sessions.put_token(doc) end
end

api.operation { method = "GET", path = "/tokens", id = "listTokens", tag = "tokens", right = "own",
                summary = "API tokens of the own account", list = M.resource, answer = resource.page_of(M.resource),
                handler = list }
api.operation { method = "POST", path = "/tokens", id = "createToken", tag = "tokens", right = "own", status = 201,
                summary = "New API token; its secret is in this answer only", body = schema.for_create(M.resource),
                answer = created, handler = create }
api.operation { method = "DELETE", path = "/tokens/{id}", id = "deleteToken", tag = "tokens", right = "own",
                status = 204, summary = "Revoke a token", handler = delete }

return M
