-- roles.lua - Named sets of rights: those of the program (or the site's policy) and own ones.
--
-- Built-in roles are data of the permission policy and cannot be changed here. All own roles are in
-- memory (kw.rights.roles); the list is short and comes in one page.

local json = require("kw.json")
local live = require("kw.live")
local api = require("kw.api")
local problem = require("kw.problem")
local resource = require("kw.resource")
local present = require("kw.present")
local rights = require("kw.rights")
local schema = require("kw.schema")
local session = require("api.session")
local sessions = require("kw.sessions")
local store = require("kw.store")
local tree = require("kw.tree")

local M = {}

M.resource = schema.resource {
  name = "Role", plural = "roles", collection = "roles", sort = { "name" }, doc = "A named set of rights.",
  fields = {
    { "id", "string", required = true, create_only = true, min_length = 1, max_length = 60, match = "^[%w_%-]+$",
      pattern = "^[A-Za-z0-9_-]+$", doc = "Id, as `night_guard`." },
    { "name", "string", required = true, min_length = 1, max_length = 200, sort = true, doc = "Name." },
    { "title", schema.object(nil, { { "ru", "string", required = true, doc = "In Russian." },
                                    { "en", "string", required = true, doc = "In English." } }),
      read_only = true, live = true, doc = "Name of a built-in role in both languages." },
    { "rights", schema.array(session.grant, { max_items = 200 }), required = true, doc = "What it allows, and where." },
    { "built_in", "boolean", read_only = true, live = true, doc = "Comes with the program; cannot be changed." },
  },
}

local function show_built_in(id)
  local out = present.doc(M.resource, rights.builtin_role(id))
  local role = rights.builtin_role(id)
  out.title, out.built_in = role.title, true
  return out
end

local function check_rights(req, caller, list)
  for i, grant in ipairs(list or {}) do
    local node = grant.node_id ~= json.null and grant.node_id or nil
    if node and not tree.exists(node) then
      return problem(req, 422, "validation", nil, { errors = { {
        path = ("rights.%d.node_id"):format(i - 1), code = "unknown-node", message = "There is no such node." } } })
    end
    if not rights.may(caller, grant.right, node) then
      return problem(req, 403, "forbidden", ("%s can be given only by someone who has it."):format(grant.right))
    end
  end
end

-- Sockets that were let in with the old rights are closed; the page comes back with the new ones.
local function end_sockets(role_id)
  for _, account in pairs(sessions.accounts) do
    for _, id in ipairs(account.role_ids or {}) do
      if id == role_id then live.end_account(account.id) end
    end
  end
end

local options = {
  resource = M.resource, path = "/roles", tag = "accounts", one = "role",
  view = "accounts.view", edit = "accounts.edit",
  operations = { create = true, patch = true, delete = true },
  show = function(out) out.built_in, out.title = false, json.null end,
  new = function(doc, req, caller)
    if rights.built_in[doc.id] or rights.roles[doc.id] then
      return problem(req, 409, "conflict", "There is a role with this id.")
    end
    return check_rights(req, caller, doc.rights)
  end,
  change = function(_, set, req, caller) return check_rights(req, caller, set.rights) end,
  written = function(doc, before)
    rights.roles[doc.id] = doc
    rights.changed()
    if before then end_sockets(doc.id) end
  end,
  remove = function(doc, req)
    for _, account in pairs(sessions.accounts) do
      for _, id in ipairs(account.role_ids or {}) do
        if id == doc.id then return problem(req, 409, "in-use", ("%s has this role."):format(account.name)) end
      end
    end
  end,
  removed = function(doc)
    rights.roles[doc.id] = nil
    rights.changed()
  end,
}

local function sorted(set)
  local ids = {}
  for id in pairs(set) do ids[#ids + 1] = id end
  table.sort(ids)
  return ids
end

local function show_own(doc)
  local out = present.doc(M.resource, doc)
  options.show(out)
  return out
end

local function list()
  local items = json.array()
  for _, id in ipairs(sorted(rights.built_in)) do items[#items + 1] = show_built_in(id) end
  for _, id in ipairs(sorted(rights.roles)) do items[#items + 1] = show_own(rights.roles[id]) end
  return 200, { items = items, next_cursor = json.null, total = #items }
end

local function get(req)
  local id = req.params.id
  if rights.built_in[id] then return 200, show_built_in(id), resource.etag({ revision = 1 }) end
  local own = rights.roles[id]
  if not own then return problem(req, 404, "not-found") end
  return 200, show_own(own), resource.etag(own)
end

function M.load()
  for _, doc in ipairs(assert(store.all("roles"))) do rights.roles[doc.id] = doc end
  rights.changed()
end

api.operation { method = "GET", path = "/roles", id = "listRoles", tag = "accounts", right = "accounts.view",
                summary = "All roles", answer = resource.page_of(M.resource), handler = list }
api.operation { method = "GET", path = "/roles/{id}", id = "getRole", tag = "accounts", right = "accounts.view",
                summary = "One role", answer = M.resource, handler = get }
resource.serve(options)

return M
