-- accounts.lua - People who sign in: made by an administrator, invited by a one-time link.
--
-- All accounts are in memory (kw.sessions.accounts), so e-mail addresses are compared there. The last
-- active administrator can be neither disabled, demoted nor deleted.

local json = require("kw.json")
local time = require("kw.time")
local crypto = require("kw.crypto")
local live = require("kw.live")
local api = require("kw.api")
local audit = require("kw.audit")
local present = require("kw.present")
local log = require("kw.log")
local mail = require("kw.mail")
local problem = require("kw.problem")
local resource = require("kw.resource")
local rights = require("kw.rights")
local schema = require("kw.schema")
local sessions = require("kw.sessions")
local settings = require("kw.settings")
local store = require("kw.store")

local M = {}

local INVITE_MS = 72 * 3600 * 1000
local INVITATION = [[
{person},

для вас создан доступ к «{complex}». Задайте пароль по ссылке (она действует один раз, 72 часа):
an account at "{complex}" was made for you. Set your password here (the link works once, for 72 hours):

{link}
]]
local EMAIL = { match = "^[^%s@]+@[^%s@]+%.?[^%s@]*$", pattern = "^[^\\s@]+@[^\\s@]+$" }

M.email = { "email", "string", required = true, min_length = 3, max_length = 254, match = EMAIL.match,
            pattern = EMAIL.pattern, format = "email", search = true, sort = true, index = true,
            doc = "Address to sign in with; kept in small letters." }

M.resource = schema.resource {
  name = "Account", plural = "accounts", collection = "accounts", sort = { "email" }, doc = "Somebody who signs in.",
  fields = {
    { "id", "string", required = true, read_only = true, doc = "Id." },
    M.email,
    { "name", "string", required = true, min_length = 1, max_length = 200, search = true, sort = true, doc = "Name." },
    { "role_ids", schema.array({ "string", max_length = 60 }, { max_items = 50 }), default = json.array(),
      doc = "Roles; their rights add up." },
    { "attributes", "json", doc = "Free data for the site's permission policy (an object)." },
    { "state", "string", enum = { "invited", "active", "disabled" }, default = "invited", filter = true,
      doc = "`invited` has no password yet." },
    { "last_seen_at", "time", read_only = true, live = true, doc = "Last request." },
    { "created_at", "time", read_only = true, sort = true, doc = "When it was made." },
    { "password_hash", "string", hidden = true },
    { "invite_hash", "string", hidden = true },
    { "invite_until", "time", hidden = true },
  },
}

local function is_administrator(doc)
  for _, role in ipairs(doc.state == "active" and doc.role_ids or {}) do
    if role == rights.ADMINISTRATOR then return true end
  end
  return false
end

--- How many active administrators there are.
function M.administrators()
  local count = 0
  for _, doc in pairs(sessions.accounts) do
    if is_administrator(doc) then count = count + 1 end
  end
  return count
end

local function check_roles(req, role_ids)
  for i, id in ipairs(role_ids) do
    if not rights.built_in[id] and not rights.roles[id] then
      return problem(req, 422, "validation", nil, { errors = { {
        path = ("role_ids.%d"):format(i - 1), code = "unknown-role", message = "There is no such role." } } })
    end
  end
end

-- Nobody gives away more than they hold, nor touches an account that holds more (its link is its
-- password): all rights of `account` must be the caller's.
local function check_grants(req, caller, account)
  for right, where in pairs(rights.compile(account)) do
    local missing = where == true and not rights.may(caller, right)
    for _, node in ipairs(where ~= true and where or {}) do missing = missing or not rights.may(caller, right, node) end
    if missing then
      return problem(req, 403, "forbidden", ("This needs the right %s, which you do not have."):format(right))
    end
  end
end

local function check_all(doc, req, caller, before)
  local id = before and before.id or doc.id
  if doc.attributes ~= nil and doc.attributes ~= json.null and
     (type(doc.attributes) ~= "table" or #doc.attributes > 0) then
    return problem(req, 422, "validation", nil, { errors = { { path = "attributes", code = "type",
                                                               message = "must be an object" } } })
  end
  if doc.email then
    doc.email = doc.email:lower()
    local other = sessions.by_email[doc.email]
    if other and other.id ~= id then
      return problem(req, 409, "conflict", "There is an account with this e-mail address.")
    end
  end
  local status, body, headers
  if doc.role_ids then status, body, headers = check_roles(req, doc.role_ids) end
  if status then return status, body, headers end
  local after = {} -- the policy may look at any of these
  for _, name in ipairs({ "id", "email", "name", "role_ids", "attributes" }) do
    after[name] = doc[name]
    if after[name] == nil and before then after[name] = before[name] end
    if after[name] == json.null then after[name] = nil end
  end
  return check_grants(req, caller, after)
end

local options = {
  resource = M.resource, path = "/accounts", tag = "accounts", one = "account",
  view = "accounts.view", edit = "accounts.edit",
  show = function(out, doc) out.last_seen_at = present.time(sessions.seen[doc.id]) end,
  new = function(doc, req, caller)
    doc.state = "invited" -- it becomes active with its password
    local status, body, headers = check_all(doc, req, caller)
    if status then return status, body, headers end
    sessions.put_account(doc.id, doc) -- takes the address before the store answers
  end,
  undo = function(doc, before)
    if not before then sessions.put_account(doc.id, nil) end
  end,
  change = function(before, set, req, caller)
    local status, body, headers = check_grants(req, caller, before)
    if not status then status, body, headers = check_all(set, req, caller, before) end
    if status then return status, body, headers end
    if set.state == "active" and not before.password_hash then
      return problem(req, 409, "conflict", "It has no password yet: send an invitation.")
    end
    local after = { state = set.state or before.state, role_ids = set.role_ids or before.role_ids }
    if is_administrator(before) and not is_administrator(after) and M.administrators() < 2 then
      return problem(req, 409, "last-administrator")
    end
  end,
  written = function(doc, before)
    sessions.put_account(doc.id, doc)
    if doc.state == "disabled" then
      sessions.forget_account(doc.id)
    elseif before and json.encode(before.role_ids or {}) ~= json.encode(doc.role_ids or {}) then
      live.end_account(doc.id) -- open sockets were let in with the old rights
    end
  end,
  remove = function(doc, req, caller)
    local status, body, headers = check_grants(req, caller, doc)
    if status then return status, body, headers end
    if is_administrator(doc) and M.administrators() < 2 then return problem(req, 409, "last-administrator") end
  end,
  removed = function(doc)
    sessions.put_account(doc.id, nil)
    sessions.forget_account(doc.id)
    local found = store.find("tokens", { where = { { "account_id", "=", doc.id } }, limit = 1000 })
    for _, token in ipairs(found and found.items or {}) do
      store.delete("tokens", token.id)
      sessions.remove_token(token)
    end
  end,
}

-- By e-mail where a mail server is configured; false: the link must be shown.
local function send_link(doc, link)
  if not mail.configured() then return false end
  local name = settings.get("complex_name")
  local sent, slug, words = mail.send({
    to = doc.email, subject = ("%s: доступ / access"):format(name),
    text = INVITATION:gsub("{(%w+)}", { person = doc.name, complex = name, link = link }) })
  if not sent then log.error("invitation not mailed", { account = doc.id, reason = slug, detail = words }) end
  return sent == true
end

-- POST /accounts/{id}/invite: a new one-time link; an older one dies.
local function invite(req, caller)
  local doc, status, body, headers = resource.find(options, req, caller, "accounts.edit")
  if not doc then return status, body, headers end
  status, body, headers = check_grants(req, caller, doc)
  if status then return status, body, headers end
  if doc.state == "disabled" then return problem(req, 409, "conflict", "The account is disabled.") end
  local token = crypto.random_hex(32)
  local set = { invite_hash = crypto.sha256(token), invite_until_ms = time.now_ms() + INVITE_MS }
  local results, slug, detail = store.batch({
    { op = "update", from = "accounts", key = doc.id, set = set },
    audit.entry(req, caller, { action = "account.invite", object_type = "account", object_id = doc.id }) })
  if not results then return problem.of_store(req, slug, detail) end
  sessions.put_account(doc.id, results[1])
  local link = ("https://%s/set-password#token=%s"):format(req.host, token)
  local sent = send_link(doc, link)
  return 200, { sent = sent, link = not sent and link or json.null, expires_at = present.time(set.invite_until_ms) }
end

--- The account of a one-time link, or nil.
function M.by_invite(token)
  local hash = crypto.sha256(token)
  for _, doc in pairs(sessions.accounts) do
    if doc.invite_hash and crypto.equal(doc.invite_hash, hash) and doc.state ~= "disabled" and
       (doc.invite_until_ms or 0) > time.now_ms() then
      return doc
    end
  end
end

function M.load()
  for _, doc in ipairs(assert(store.all("accounts"))) do sessions.put_account(doc.id, doc) end
end

resource.serve(options)
api.operation {
  method = "POST", path = "/accounts/{id}/invite", id = "inviteAccount", tag = "accounts", right = "accounts.edit",
  summary = "A one-time link to set the password (72 hours)", handler = invite,
  answer = schema.object("Invitation", {
    { "sent", "boolean", required = true, doc = "An e-mail is on its way." },
    { "link", "string", null = true, doc = "The link, to be handed over where no mail is sent." },
    { "expires_at", "time", required = true, doc = "Until when it works." },
  }),
}

return M
