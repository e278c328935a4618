-- session.lua - Sign in, who am I, sign out, change the password, and the first administrator.
--
-- A wrong password, an unknown e-mail and a disabled account look alike in answer and time. The setup
-- code dies with the first administrator; after that the setup is not there.

local json = require("kw.json")
local time = require("kw.time")
local settings = require("kw.settings")
local api = require("kw.api")
local audit = require("kw.audit")
local accounts = require("api.accounts")
local passwords = require("kw.passwords")
local present = require("kw.present")
local problem = require("kw.problem")
local resource = require("kw.resource")
local rights = require("kw.rights")
local schema = require("kw.schema")
local sessions = require("kw.sessions")
local setup_code = require("kw.setup_code")
local store = require("kw.store")
local throttle = require("kw.throttle")

local M = {}

local password = { "string", min_length = 1, max_length = 1024, multiline = true }

local function password_row(name, doc)
  return { name, "string", required = true, write_only = true, min_length = password.min_length,
           max_length = password.max_length, multiline = true, format = "password", doc = doc }
end

M.grant = schema.object("Grant", {
  { "right", "string", enum = rights.list, required = true, doc = "What." },
  { "node_id", "string", null = true, max_length = 60, doc = "Only at this node and below; absent: everywhere." },
})

local session_account = schema.object("SessionAccount", {
  { "id", "string", required = true, doc = "Id." },
  { "email", "string", required = true, doc = "E-mail." },
  { "name", "string", required = true, doc = "Name." },
  { "role_ids", schema.array({ "string" }), required = true, doc = "Roles." },
  { "state", "string", required = true, doc = "State." },
})

M.answer = schema.object("Session", {
  { "account", session_account, required = true, doc = "Who is signed in." },
  { "rights", schema.array(M.grant), required = true, doc = "What the account may do." },
  { "complex", schema.object("ComplexName", {
    { "name", "string", required = true, doc = "Name of the complex." },
    { "zone", "string", required = true, doc = "Its time zone." },
  }), required = true, doc = "What is watched here." },
  { "expires_at", "time", doc = "When the session ends by itself." },
})

local function describe(caller)
  local account = caller.account
  return {
    account = { id = account.id, email = account.email, name = account.name, state = account.state,
                role_ids = account.role_ids or json.array() },
    rights = rights.public(caller.rights),
    complex = { name = settings.get("complex_name"), zone = settings.get("zone") },
    expires_at = caller.expires_ms < math.maxinteger and present.time(caller.expires_ms) or json.null,
  }
end

local function too_many(req, wait_s)
  return problem(req, 429, "too-many-attempts", nil, nil, { ["Retry-After"] = tostring(wait_s) })
end

-- Open a session and answer it.
local function signed_in(req, account, status)
  local before = sessions.caller(req)
  if before and before.kind == "session" then sessions.close(before.id) end
  local caller, cookie = sessions.open(req, account)
  if not caller then return problem(req, 503, "busy") end
  return status, describe(caller), { ["Set-Cookie"] = cookie, ["Cache-Control"] = "no-store" }
end

local function sign_in(req)
  local email = req.input.email:lower()
  local free, wait_s = throttle.take(email, req.peer)
  if not free then return too_many(req, wait_s) end
  local account = sessions.by_email[email]
  local usable = account and account.state == "active" and account.password_hash or nil
  local right, slug = passwords.verify(req.input.password, usable)
  if right == nil then
    throttle.forgive(email, req.peer)
    return problem(req, 503, "busy", slug == "busy" and "Too many sign-ins at once; try again in a moment." or nil)
  end
  account = right and sessions.by_email[email] or nil -- it may have changed while the hash was made
  if not account or account.state ~= "active" then
    audit.write(req, nil, { action = "session.refused", object_type = "account", object_id = email })
    return problem(req, 401, "bad-credentials")
  end
  throttle.forgive(email, req.peer)
  audit.write(req, { account = account }, { action = "session.create", object_type = "account",
    object_id = account.id })
  return signed_in(req, account, 200)
end

local function who_am_i(_, caller)
  return 200, describe(caller), { ["Cache-Control"] = "no-store" }
end

local function sign_out(req, caller)
  if caller.kind ~= "session" then return problem(req, 409, "conflict",
    "A token is not a session; delete the token.") end
  sessions.close(caller.id)
  audit.write(req, caller, { action = "session.delete", object_type = "account", object_id = caller.account_id })
  return 204, nil, { ["Set-Cookie"] = sessions.CLEAR }
end

-- Set a password: hash, store, memory, sessions. Answers nil or a problem.
local function put_password(req, caller, account, word, path, more)
  local code, message = passwords.fault(word, account)
  if code then
    return problem(req, 422, "validation", nil, { errors = { { path = path, code = code, message = message } } })
  end
  local hash = passwords.hash(word)
  if not hash then return problem(req, 503, "busy") end
  local set = { password_hash = hash, invite_hash = json.null, invite_until_ms = json.null, state = "active" }
  if not sessions.accounts[account.id] or sessions.accounts[account.id].state == "disabled" then
    return problem(req, 404, "not-found")
  end
  local results, slug, detail = store.batch({
    { op = "update", from = "accounts", key = account.id, set = set },
    audit.entry(req, caller, { action = more, object_type = "account", object_id = account.id }) })
  if not results then return problem.of_store(req, slug, detail) end
  sessions.put_account(account.id, results[1])
  sessions.close_account(account.id, caller and caller.id)
end

local function change_password(req, caller)
  if caller.kind ~= "session" then return problem(req, 403, "forbidden",
    "Only a signed-in person changes a password.") end
  local account = caller.account
  local free, wait_s = throttle.take("password\n" .. account.id, req.peer)
  if not free then return too_many(req, wait_s) end
  local right = passwords.verify(req.input.current, account.password_hash)
  if right == nil then return problem(req, 503, "busy") end
  if not right then
    return problem(req, 422, "validation", nil, { errors = { { path = "current", code = "wrong",
                                                               message = "is not the current password" } } })
  end
  throttle.forgive("password\n" .. account.id, req.peer)
  local status, body, headers = put_password(req, caller, account, req.input.new, "new", "account.password")
  if status then return status, body, headers end
  return 204
end

local function set_password(req)
  local free, wait_s = throttle.take("set-password", req.peer)
  if not free then return too_many(req, wait_s) end
  local account = accounts.by_invite(req.input.token)
  if not account then return problem(req, 401, "bad-token") end
  throttle.forgive("set-password", req.peer)
  local status, body, headers = put_password(req, { account = account }, account, req.input.password, "password",
    "account.set-password")
  if status then return status, body, headers end
  return signed_in(req, sessions.accounts[account.id], 200)
end

-- --- the first administrator ---

local function setup_state(req)
  if not setup_code.current() then return problem(req, 404, "not-found") end
  return 200, { needed = true }
end

local function make_administrator(req)
  local input = req.input
  local account = { id = resource.new_id(), email = input.email:lower(), name = input.name, state = "active",
                    role_ids = { rights.ADMINISTRATOR }, created_ms = time.now_ms() }
  local code, message = passwords.fault(input.password, account)
  if code then
    return problem(req, 422, "validation", nil, { errors = { { path = "password", code = code, message = message } } })
  end
  account.password_hash = passwords.hash(input.password)
  if not account.password_hash then return problem(req, 503, "busy") end
  if accounts.administrators() > 0 then return problem(req, 404, "not-found") end
  local results, slug, detail = store.batch({
    { op = "insert", from = "accounts", doc = account },
    audit.entry(req, { account = account }, { action = "setup", object_type = "account", object_id = account.id }) })
  if not results then return problem.of_store(req, slug, detail) end
  sessions.put_account(account.id, results[1])
  setup_code.remove()
  return signed_in(req, results[1], 201)
end

local making = false

local function setup(req)
  if not setup_code.current() then return problem(req, 404, "not-found") end
  local free, wait_s = throttle.take("setup", req.peer)
  if not free then return too_many(req, wait_s) end
  if not setup_code.is(req.input.code) then return problem(req, 401, "bad-code") end
  throttle.forgive("setup", req.peer)
  if making then return problem(req, 409, "conflict", "The first administrator is being made.") end
  making = true
  local ok, status, body, headers = pcall(make_administrator, req)
  making = false
  if not ok then error(status, 0) end
  return status, body, headers
end

local email = { "email", "string", required = true, max_length = 254, doc = "E-mail." }

api.operation {
  method = "POST", path = "/session", id = "signIn", tag = "session", right = "public", idempotent = false,
  summary = "Sign in; sets the session cookie", answer = M.answer, handler = sign_in, errors = { 401, 429 },
  body = schema.object("SignIn", { email, password_row("password", "Password.") }),
}
api.operation {
  method = "GET", path = "/session", id = "getSession", tag = "session", right = "own",
  summary = "Who is signed in and what they may do", answer = M.answer, handler = who_am_i,
}
api.operation {
  method = "DELETE", path = "/session", id = "signOut", tag = "session", right = "own", status = 204,
  summary = "Sign out", handler = sign_out,
}
api.operation {
  method = "POST", path = "/session/password", id = "changePassword", tag = "session", right = "own", status = 204,
  idempotent = false, summary = "Change the own password; other sessions end", handler = change_password,
    errors = { 429 },
  body = schema.object("PasswordChange", { password_row("current", "The password now."),
                                           password_row("new", "The new one, 12 characters or more.") }),
}
api.operation {
  method = "POST", path = "/session/set-password", id = "setPassword", tag = "session", right = "public",
  idempotent = false, summary = "First password with the token of the one-time link; signs in", answer = M.answer,
  handler = set_password, errors = { 401, 429 },
  body = schema.object("PasswordSet", {
    { "token", "string", required = true, write_only = true, max_length = 200, doc = "From the link." },
    password_row("password", "The new password, 12 characters or more.") }),
}
api.operation {
  method = "GET", path = "/setup", id = "getSetup", tag = "session", right = "public",
  summary = "Is the first administrator still missing? 404 afterwards", handler = setup_state, errors = { 404 },
  answer = schema.object("SetupState", { { "needed", "boolean", required = true, doc = "Always true." } }),
}
api.operation {
  method = "POST", path = "/setup", id = "setup", tag = "session", right = "public", idempotent = false, status = 201,
  summary = "Make the first administrator with the printed code; signs in", answer = M.answer, handler = setup,
  errors = { 401, 404, 429 },
  body = schema.object("Setup", {
    { "code", "string", required = true, write_only = true, max_length = 60, doc = "The setup code." },
    accounts.email,
    { "name", "string", required = true, min_length = 1, max_length = 200, doc = "Name." },
    password_row("password", "Password, 12 characters or more.") }),
}

return M
