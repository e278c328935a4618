-- sessions.lua - Who is behind a request: session cookies and API tokens.
--
-- Both are random secrets of which the store has only the SHA-256. What was seen once stays in memory by
-- its secret, with the account's compiled rights, so a request costs two look-ups. A session has an
-- absolute life; it ends at sign-out, with its account, or with a new password, also for open sockets.

local time = require("kw.time")
local crypto = require("kw.crypto")
local settings = require("kw.settings")
local live = require("kw.live")
local store = require("kw.store")
local rights = require("kw.rights")

local M = { COOKIE = "__Host-kw_session" }

local SEEN_EVERY_MS = 60000

M.accounts = {}    -- id -> document; kept by the resource `accounts`
M.by_email = {}    -- lower-case e-mail -> document
M.tokens = {}      -- hash -> document; kept by the resource `tokens`
M.seen = {}        -- account or token id -> ms
local fresh = {}   -- ids in `seen` that the store does not have yet
local callers = {} -- secret -> caller
local by_id = {}   -- session or token id -> caller
local ended = {}   -- session id -> ms: one that is being read while it ends must not come back

M.declarations = {
  { name = "sessions", key = "id", indexes = { { "account_id" }, { "expires_ms" } },
    fields = { id = { type = "string" }, account_id = { type = "string" }, created_ms = { type = "integer" },
               expires_ms = { type = "integer" }, address = { type = "string" } } },
  { name = "seen", key = "id", fields = { id = { type = "string" }, at_ms = { type = "integer" } } },
}

--- Put an account into memory (nil document: remove).
function M.put_account(id, doc)
  local before = M.accounts[id]
  if before then M.by_email[before.email] = nil end
  M.accounts[id] = doc
  if doc then M.by_email[doc.email] = doc end
  rights.changed()
end

local function touch(id, now_ms)
  if (M.seen[id] or 0) + SEEN_EVERY_MS < now_ms then
    M.seen[id] = now_ms
    fresh[id] = now_ms
  end
end

-- The caller again after rights may have changed; nil when the account is gone or disabled.
local function refresh(caller)
  local account = M.accounts[caller.account_id]
  if not account or account.state ~= "active" then return nil end
  caller.account = account
  caller.rights = rights.compile(account)
  if caller.scopes then caller.rights = rights.cut(caller.rights, caller.scopes) end
  caller.generation = rights.generation
  return caller
end

local function keep(secret, caller)
  if refresh(caller) then
    callers[secret] = caller
    by_id[caller.id] = caller
    return caller
  end
  return nil
end

--- The caller behind a session or token id, with rights as they are now; nil when it has ended.
function M.by_id(id)
  local caller = by_id[id]
  if not caller or (caller.generation ~= rights.generation and not refresh(caller)) then return nil end
  return caller
end

local function from_session(secret)
  if #secret ~= 64 or secret:find("[^%x]") then return nil end
  local id = crypto.sha256(secret)
  local doc, slug = store.get("sessions", id)
  if not doc or ended[id] then return nil, slug end
  return keep(secret, { kind = "session", id = id, session_id = id, account_id = doc.account_id,
                        expires_ms = doc.expires_ms })
end

local function from_token(secret)
  local doc = M.tokens[crypto.sha256(secret)]
  if not doc then return nil end
  return keep(secret, { kind = "token", id = doc.id, session_id = doc.id, account_id = doc.account_id,
                        expires_ms = doc.expires_ms or math.maxinteger, scopes = doc.scopes })
end

--- The caller of a request: { kind, id, account_id, account, rights } | nil | nil, "busy".
function M.caller(req)
  local secret
  local authorization = req:header("authorization")
  if authorization then
    secret = authorization:match("^[Bb]earer (kwt_%w+)$")
  else
    secret = req:cookie(M.COOKIE)
  end
  if not secret then return nil end
  local caller = callers[secret]
  if not caller then
    local slug
    caller, slug = (authorization and from_token or from_session)(secret)
    if not caller then return nil, slug == "busy" and "busy" or nil end
  end
  local now_ms = time.now_ms()
  if caller.expires_ms <= now_ms or (caller.generation ~= rights.generation and not refresh(caller)) then
    callers[secret], by_id[caller.id] = nil, nil
    return nil
  end
  touch(caller.account_id, now_ms)
  if caller.scopes then touch(caller.id, now_ms) end
  return caller
end

--- A new session of an account: caller, Set-Cookie value | nil, slug.
function M.open(req, account)
  local secret = crypto.random_hex(32)
  local now_ms = time.now_ms()
  local life_s = (settings.get("session_hours") or 12) * 3600
  local doc = { id = crypto.sha256(secret), account_id = account.id, created_ms = now_ms,
                expires_ms = now_ms + life_s * 1000, address = req.peer }
  local made, slug = store.insert("sessions", doc)
  if not made then return nil, slug end
  local caller = keep(secret, { kind = "session", id = doc.id, session_id = doc.id, account_id = account.id,
                                expires_ms = doc.expires_ms })
  touch(account.id, now_ms)
  return caller, ("%s=%s; Path=/; Max-Age=%d; HttpOnly; Secure; SameSite=Strict"):format(M.COOKIE, secret, life_s)
end

M.CLEAR = M.COOKIE .. "=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict"

local function forget(matches)
  for secret, caller in pairs(callers) do
    if matches(caller) then callers[secret], by_id[caller.id] = nil, nil end
  end
end

--- End one session or token: memory, store and sockets.
function M.close(id)
  ended[id] = time.now_ms()
  forget(function(caller) return caller.id == id end)
  store.delete("sessions", id)
  live.end_session(id)
end

--- End every session of an account but `except` (a session id).
function M.close_account(account_id, except)
  forget(function(caller) return caller.account_id == account_id and caller.kind == "session"
    and caller.id ~= except end)
  local found = store.find("sessions", { where = { { "account_id", "=", account_id } }, limit = 1000 })
  for _, doc in ipairs(found and found.items or {}) do
    if doc.id ~= except then
      ended[doc.id] = time.now_ms()
      store.delete("sessions", doc.id)
      live.end_session(doc.id)
    end
  end
end

--- Tokens of an account that is disabled or gone, too.
function M.forget_account(account_id)
  M.close_account(account_id)
  forget(function(caller) return caller.account_id == account_id end)
  live.end_account(account_id)
end

--- Put or remove a token.
function M.put_token(doc) M.tokens[doc.token_hash] = doc end
function M.remove_token(doc)
  M.tokens[doc.token_hash] = nil
  forget(function(caller) return caller.id == doc.id end)
  live.end_session(doc.id)
end

--- End what has lived long enough; write who was seen. Called now and then.
function M.sweep()
  local now_ms = time.now_ms()
  local found = store.find("sessions", { where = { { "expires_ms", "<=", now_ms } }, limit = 1000 })
  for _, doc in ipairs(found and found.items or {}) do M.close(doc.id) end
  for secret, caller in pairs(callers) do
    if caller.expires_ms <= now_ms then
      callers[secret], by_id[caller.id] = nil, nil
      live.end_session(caller.id)
    end
  end
  for id, at_ms in pairs(ended) do
    if at_ms + SEEN_EVERY_MS < now_ms then ended[id] = nil end
  end
  local ops = {}
  for id, at_ms in pairs(fresh) do
    ops[#ops + 1] = { op = "upsert", from = "seen", doc = { id = id, at_ms = at_ms } }
    fresh[id] = nil
  end
  if ops[1] then store.batch(ops) end
end

--- Fill memory from the store (start only).
function M.load()
  for _, doc in ipairs(assert(store.all("seen"))) do M.seen[doc.id] = doc.at_ms end
end

return M
