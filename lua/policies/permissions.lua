--% api: 1
-- permissions.lua - Who may do what: the roles that come with the program, and the rule over them.
--
-- A site may replace this file (site/policies/permissions.lua). Roles are data; `extends` takes another
-- role's grants; a grant is a right, or { right =, subtree = "node id" }; "*" is every right. `grants`
-- has the last word: it is called when an account's rights are compiled, never per request.

local P = {}

P.roles = {
  administrator = {
    title = { ru = "Администратор", en = "Administrator" },
    grants = { "*" },
  },
  energy_engineer = {
    title = { ru = "Инженер-энергетик", en = "Energy engineer" },
    extends = "operator",
    grants = { "nodes.edit", "stations.edit", "balancing.edit", "reports.view", "policies.view", "audit.view",
               "system.view" },
  },
  operator = {
    title = { ru = "Оператор", en = "Operator" },
    extends = "viewer",
    grants = { "stations.control", "balancing.view", "drivers.view", "drivers.edit", "alerts.edit" },
  },
  accountant = {
    title = { ru = "Бухгалтер", en = "Accountant" },
    grants = { "monitoring.view", "nodes.view", "stations.view", "drivers.view", "drivers.edit", "transactions.view",
               "transactions.edit", "reports.view" },
  },
  viewer = {
    title = { ru = "Наблюдатель", en = "Viewer" },
    grants = { "monitoring.view", "nodes.view", "stations.view", "transactions.view", "alerts.view" },
  },
}

--- Rights of one account.
---@param account table  id, email, name, roles, grants (of its roles), attributes
---@return table[]       { right = "stations.view", subtree = "node-id" | nil }
function P.grants(account, _complex)
  return account.grants
end

return P
