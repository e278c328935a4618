-- rights.lua - Which rights exist, what an account has of them, and the check.
--
-- An account's rights are compiled once (sign-in, change of account, role or token) into one table:
-- right -> true (everywhere) or a list of node ids (those subtrees). A check is one look-up; only a
-- limited grant walks the tree. Rights of a token are those of its owner cut to its scopes.

local log = require("kw.log")
local json = require("kw.json")
local tree = require("kw.tree")
local shipped = require("policies.permissions")

local M = {}

M.list = {
  "monitoring.view", "nodes.view", "nodes.edit", "stations.view", "stations.edit", "stations.control",
  "balancing.view", "balancing.edit", "drivers.view", "drivers.edit", "transactions.view", "transactions.edit",
  "reports.view", "alerts.view", "alerts.edit", "accounts.view", "accounts.edit", "policies.view", "policies.edit",
  "audit.view", "system.view", "system.edit",
}
M.known = {}
for _, right in ipairs(M.list) do M.known[right] = true end

M.ADMINISTRATOR = "administrator"
M.built_in = shipped.roles -- roles of the policy in force, by id
M.roles = {}               -- own roles, by id; kept by the resource `roles`
M.generation = 1           -- grows when compiled rights are out of date

local POLICY = "policies/permissions"
local there, site = pcall(require, "kw.site")
if not there then site = nil end

function M.changed() M.generation = M.generation + 1 end

-- What is wrong with a role of the site, or nil. `id` and `role` are whatever the script returned.
local function role_fault(id, role)
  if type(id) ~= "string" or type(role) ~= "table" or type(role.grants or {}) ~= "table" then
    return ("roles.%s is not a role"):format(tostring(id))
  end
  for i, grant in ipairs(role.grants or {}) do
    local right = type(grant) == "table" and grant.right or grant
    if right ~= "*" and not M.known[right] then
      return ("roles.%s.grants[%d]: there is no right %s; there are: %s"):format(id, i, tostring(right),
        table.concat(M.list, ", "))
    end
  end
end

--- Take the roles of the site's policy, where it has some; a file with a wrong one is refused whole. At
-- start, and after the site's scripts were loaded anew.
function M.load_policy()
  M.built_in = shipped.roles
  local roles = site and site.value(POLICY, "roles")
  if type(roles) == "table" then
    local taken, fault = {}, nil
    for id, role in pairs(roles) do
      fault = fault or role_fault(id, role)
      if not fault then
        local title = type(role.title) == "table" and role.title or {}
        taken[id] = { title = { ru = title.ru or id, en = title.en or id }, grants = role.grants or {},
                      extends = role.extends }
      end
    end
    if fault then
      log.error("permissions refused; the shipped ones serve", { fault = fault })
      if site.refuse then site.refuse(POLICY, fault) end
    else
      -- without it nobody could administer: it is always there, with everything
      taken[M.ADMINISTRATOR] = shipped.roles[M.ADMINISTRATOR]
      M.built_in = taken
    end
  end
  M.changed()
end

--- The shipped or site role as a document, or nil.
function M.builtin_role(id)
  local role = M.built_in[id]
  if not role then return nil end
  local list = json.array()
  for _, grant in ipairs(M.grants_of_role(id)) do list[#list + 1] = { right = grant.right, node_id = grant.subtree } end
  return { id = id, name = role.title.en, title = role.title, rights = list, built_in = true, revision = 1 }
end

local function add(list, grant)
  if type(grant) == "string" then grant = { right = grant } end
  if grant.right == "*" then
    for _, right in ipairs(M.list) do list[#list + 1] = { right = right, subtree = grant.subtree } end
  else
    list[#list + 1] = { right = grant.right, subtree = grant.subtree }
  end
end

--- Grants of a role with what it extends (also a shipped one that the site does not list); an unknown
-- role gives none.
function M.grants_of_role(id)
  local list, seen, first = {}, {}, id
  while id and not seen[id] do
    seen[id] = true
    local built_in, own = M.built_in[id], M.roles[id]
    if not built_in and id ~= first then built_in = shipped.roles[id] end
    for _, grant in ipairs(built_in and built_in.grants or {}) do add(list, grant) end
    for _, grant in ipairs(own and own.rights or {}) do
      local node = grant.node_id ~= json.null and grant.node_id or nil
      add(list, { right = grant.right, subtree = node })
    end
    id = built_in and built_in.extends
  end
  return list
end

local function asked_of_policy(account)
  local grants = {}
  for _, role in ipairs(account.role_ids or {}) do
    for _, grant in ipairs(M.grants_of_role(role)) do grants[#grants + 1] = grant end
  end
  local view = { id = account.id, email = account.email, name = account.name, roles = account.role_ids or {},
                 grants = grants, attributes = account.attributes or {} }
  if site then
    local list, slug = site.call(POLICY, "grants", view, { nodes = tree.list() })
    if type(list) == "table" then return list end
    if not slug then log.error("permissions: grants must answer a list", { account = account.id }) end
  end
  return shipped.grants(view, {})
end

--- The compiled rights of an account: { [right] = true | { node id, ... } }.
function M.compile(account)
  local rights = {}
  for _, grant in ipairs(asked_of_policy(account)) do
    local right, subtree = grant, nil
    if type(grant) == "table" then right, subtree = grant.right, grant.subtree end
    if subtree == json.null then subtree = nil end
    if not M.known[right or ""] or (subtree ~= nil and type(subtree) ~= "string") then
      log.warn("permissions: not a grant", { right = tostring(right), subtree = tostring(subtree) })
    elseif not subtree then
      rights[right] = true
    elseif rights[right] ~= true then
      rights[right] = rights[right] or {}
      table.insert(rights[right], subtree)
    end
  end
  return rights
end

--- What is left of `rights` for a token with `scopes` ("*": all of them).
function M.cut(rights, scopes)
  local left = {}
  for _, scope in ipairs(scopes) do
    if scope == "*" then return rights end
    left[scope] = rights[scope]
  end
  return left
end

--- May the caller do `right` on something at `node_id` (nil: not placed)?
function M.may(caller, right, node_id)
  local held = caller.rights[right]
  if held == true or not held then return held == true end
  if not node_id then return false end
  for _, root in ipairs(held) do
    if tree.is_below(node_id, root) then return true end
  end
  return false
end

--- Where the caller has the right: true (everywhere), or the list of all node ids.
function M.scope(caller, right)
  local held = caller.rights[right]
  if held == true then return true end
  local list = json.array()
  for _, root in ipairs(held or {}) do tree.below(root, list) end
  return list
end

--- The list for `GET /session`: [{right, node_id?}], in the order of M.list.
function M.public(rights)
  local list = json.array()
  for _, right in ipairs(M.list) do
    local held = rights[right]
    if held == true then
      list[#list + 1] = { right = right }
    else
      for _, root in ipairs(held or {}) do list[#list + 1] = { right = right, node_id = root } end
    end
  end
  return list
end

return M
