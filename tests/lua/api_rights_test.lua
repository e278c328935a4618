-- api_rights_test.lua - Who may do what: compiled grants, subtrees, roles, and every route against three callers.

local fake = require("support.service_host")
local json = require("kw.json")

-- An account with these roles, signed in; answers its cookie.
local function member(host, email, role_ids)
  local status, account = host:call("POST", "/accounts", { json = { email = email, name = email,
    role_ids = role_ids } })
  assert(status == 201, "account: " .. status)
  local _, invitation = host:call("POST", "/accounts/" .. account.id .. "/invite", { json = {} })
  local _, _, _, cookie = host:call("POST", "/session/set-password", { cookie = false, json = {
    token = invitation.link:match("#token=(%x+)$"), password = "a word that is long 7" } })
  return assert(cookie), account
end

local function grow_tree(host)
  for _, node in ipairs({ { "grid" }, { "north", "grid" }, { "n1", "north" }, { "south", "grid" } }) do
    local status = host:call("POST", "/nodes", { json = { id = node[1], parent_id = node[2], kind = "group",
                                                          name = node[1] } })
    assert(status == 201)
  end
  for _, station in ipairs({ { "A", "n1" }, { "B", "south" }, { "C" } }) do
    assert(host:call("POST", "/stations", { json = { id = station[1], node_id = station[2] } }) == 201)
  end
end

local function ids(page)
  local list = {}
  for i, item in ipairs(page.items) do list[i] = item.id end
  table.sort(list)
  return table.concat(list, " ")
end

local PUBLIC = { ["GET /public"] = true, ["GET /setup"] = true, ["POST /setup"] = true, ["POST /session"] = true,
                 ["POST /session/set-password"] = true, ["GET /openapi.json"] = true, ["GET /docs"] = true,
                 ["GET /docs/style.css"] = true }

return {
  { "compiled rights", function(t)
    fake.new()
    local rights = require("kw.rights")
    local compiled = rights.compile({ id = "x", role_ids = { "operator" } })
    t.equal({ compiled["stations.control"], compiled["stations.view"], compiled["accounts.view"] }, { true, true, nil },
      "a role and what it extends")
    t.equal(rights.compile({ id = "x", role_ids = { "no-such-role" } }), {}, "an unknown role gives nothing")
    local all = rights.compile({ id = "x", role_ids = { "administrator" } })
    for _, right in ipairs(rights.list) do t.ok(all[right] == true, right .. " for an administrator") end
    t.equal(rights.cut(compiled, { "stations.view", "accounts.view" }), { ["stations.view"] = true },
      "a token never has more than its owner")
    rights.roles.odd = { rights = { { right = "stations.fly" }, { right = "stations.view", node_id = "n" } } }
    t.equal(rights.compile({ id = "x", role_ids = { "odd" } }), { ["stations.view"] = { "n" } },
      "an unknown right is left")
  end },

  { "a site's policy decides, a broken one does not", function(t)
    local answer, broken, refused
    fake.new({ modules = { ["kw.site"] = {
      value = function(_, name)
        if name ~= "roles" then return nil, "not-found" end
        return { guard = { title = { ru = "Сторож", en = "Guard" }, grants = { "monitoring.view" } },
                 chief = { extends = "viewer", grants = { "audit.view" } }, broken = broken }
      end,
      refuse = function(_, words) refused = words end,
      call = function(_, _, account) return answer(account) end, status = function() return { state = "ok" } end } } })
    local rights = require("kw.rights")
    answer = function(account)
      local list = account.grants
      list[#list + 1] = { right = "reports.view", subtree = "hall" }
      return list
    end
    t.equal(rights.compile({ id = "x", role_ids = { "guard" } }),
      { ["monitoring.view"] = true, ["reports.view"] = { "hall" } }, "roles and grants of the site")
    t.ok(rights.built_in.administrator and not rights.built_in.viewer, "its roles only")
    local chief = rights.compile({ id = "x", role_ids = { "chief" } })
    t.equal({ chief["audit.view"], chief["stations.view"] }, { true, true }, "on top of a shipped one")
    t.equal(rights.compile({ id = "x", role_ids = { "viewer" } })["stations.view"], nil, "which itself is not given")
    answer = function() return nil, "failed", "site/policies/permissions.lua:3: boom" end
    t.equal(rights.compile({ id = "x", role_ids = { "guard" } }), { ["monitoring.view"] = true },
      "the shipped rule serves")
    answer = function() return { { right = "stations.view", subtree = false }, { right = 3 }, "nodes.view" } end
    t.equal(rights.compile({ id = "x", role_ids = {} }), { ["nodes.view"] = true }, "nonsense widens nothing")
    broken = { grants = { "stations.fly" } }
    rights.load_policy()
    t.ok(refused:find("roles.broken.grants[1]: there is no right stations.fly; there are: monitoring.view", 1, true),
      refused)
    t.ok(rights.built_in.viewer and not rights.built_in.guard, "a file with a wrong role is refused whole")
    package.loaded["kw.site"] = nil
  end },

  { "every route against nobody, a viewer and an administrator", function(t)
    local host = fake.new():sign_in_administrator()
    local viewer = member(host, "viewer@example.org", { "viewer" })
    local rights = require("kw.rights")
    local may = rights.compile({ id = "v", role_ids = { "viewer" } })
    local by_id = {}
    for _, op in ipairs(require("kw.api").operations) do by_id[op.method .. " " .. op.path] = op end
    for name, op in pairs(by_id) do
      local target = op.path:gsub("{%w+}", "nothing-here")
      local function try(cookie)
        return (host:call(op.method, target, { cookie = cookie, json = op.body and {} or nil,
                                               headers = { ["If-Match"] = "*" } }))
      end
      local nobody = try(false)
      if op.right == "public" then
        t.ok(PUBLIC[name], name .. " is meant to be public")
        t.ok(nobody ~= 403, name .. " is open")
      else
        t.equal(nobody, 401, name .. " for nobody")
        t.equal(try(("ab"):rep(32)), 401, name .. " for a made-up session")
        if op.right ~= "own" then
          t.equal(try(viewer) == 403, may[op.right] ~= true, name .. " for a viewer")
          t.ok(try(nil) ~= 403 and try(nil) ~= 401, name .. " for an administrator")
        end
      end
    end
  end },

  { "a grant in a subtree", function(t)
    local host = fake.new():sign_in_administrator()
    grow_tree(host)
    local status = host:call("POST", "/roles", { json = { id = "north", name = "North", rights = {
      { right = "nodes.view", node_id = "north" }, { right = "nodes.edit", node_id = "north" },
      { right = "stations.view", node_id = "north" }, { right = "stations.edit", node_id = "north" },
      { right = "monitoring.view", node_id = "north" } } } })
    t.equal(status, 201, "the role")
    local cookie = member(host, "north@example.org", { "north" })
    local function call(method, target, body, headers)
      return host:call(method, target, { cookie = cookie, json = body, headers = headers })
    end
    local _, page = call("GET", "/nodes")
    t.equal(ids(page), "n1 north", "only its nodes")
    local _, nested = call("GET", "/nodes?tree=1")
    t.equal({ ids(nested), ids({ items = nested.items[1].children }), nested.total }, { "north", "n1", 2 }, "as a tree")
    _, page = call("GET", "/stations")
    t.equal({ ids(page), page.total }, { "A", 1 }, "only its stations")
    t.equal((call("GET", "/stations/B")), 404, "another one is not there")
    t.equal((call("GET", "/stations/A")), 200, "its own is")
    t.equal((call("GET", "/complex")), 403, "the whole complex is not its")
    t.equal((call("GET", "/discovered")), 403, "nor what is not placed")
    t.equal((call("POST", "/stations", { id = "D", node_id = "south" })), 403, "no new one elsewhere")
    t.equal((call("POST", "/stations", { id = "D" })), 403, "nor nowhere")
    t.equal((call("POST", "/stations", { id = "D", node_id = "n1" })), 201, "a new one here")
    t.equal((call("PATCH", "/stations/D", { node_id = "south" }, { ["If-Match"] = '"1"' })), 403, "not moved away")
    t.equal((call("PATCH", "/stations/D", { node_id = json.null }, { ["If-Match"] = '"1"' })), 403, "nor out")
    t.equal((call("PATCH", "/stations/D", { name = "Dee" }, { ["If-Match"] = '"1"' })), 200, "renamed")
    t.equal((call("POST", "/nodes", { kind = "group", name = "top" })), 403, "no node at the top")
    t.equal((call("PATCH", "/nodes/n1", { parent_id = "south" }, { ["If-Match"] = '"1"' })), 403, "no node moved away")
    t.equal((call("DELETE", "/nodes/south", nil, { ["If-Match"] = "*" })), 404, "none deleted elsewhere")
  end },

  { "nobody gives away more than they have", function(t)
    local host = fake.new():sign_in_administrator()
    grow_tree(host)
    host:call("POST", "/roles", { json = { id = "clerk", name = "Clerk", rights = {
      { right = "accounts.view" }, { right = "accounts.edit" }, { right = "stations.view" } } } })
    local cookie, clerk = member(host, "clerk@example.org", { "clerk" })
    local function call(method, target, body, headers)
      return (host:call(method, target, { cookie = cookie, json = body, headers = headers }))
    end
    t.equal(call("POST", "/accounts", { email = "x@y.org", name = "X", role_ids = { "administrator" } }), 403,
      "no new administrator")
    t.equal(call("PATCH", "/accounts/" .. clerk.id, { role_ids = { "administrator" } }, { ["If-Match"] = "*" }), 403,
      "not even oneself")
    t.equal(call("POST", "/accounts", { email = "x@y.org", name = "X", role_ids = { "clerk" } }), 201, "one's own role")
    t.equal(call("POST", "/roles", { id = "big", name = "Big", rights = { { right = "system.edit" } } }), 403,
      "no role")
    t.equal(call("POST", "/roles", { id = "small", name = "Small", rights = { { right = "stations.view" } } }), 201,
      "a small one")
    t.equal(call("PATCH", "/roles/viewer", { name = "x" }, { ["If-Match"] = "*" }), 404, "built-in ones stay")
    local _, list = host:call("GET", "/accounts?q=admin")
    local admin = list.items[1].id
    t.equal(call("POST", "/accounts/" .. admin .. "/invite", {}), 403, "no link into a stronger account")
    t.equal(call("PATCH", "/accounts/" .. admin, { state = "disabled" }, { ["If-Match"] = "*" }), 403, "nor its end")
  end },

  { "what was refused is in the trail, once a minute", function(t)
    local host = fake.new():sign_in_administrator()
    local cookie, account = member(host, "viewer@example.org", { "viewer" })
    for _ = 1, 3 do host:call("GET", "/accounts", { cookie = cookie }) end
    host:call("GET", "/audit", { cookie = cookie })
    local _, page = host:call("GET", "/audit?action=refused&sort=id")
    t.equal({ page.total, page.items[1].object_id, page.items[1].account_id, page.items[2].object_id },
      { 2, "listAccounts", account.id, "listAudit" }, "who tried what")
  end },

  { "an edited role closes the sockets of those who have it", function(t)
    local host = fake.new():sign_in_administrator()
    host:call("POST", "/roles", { json = { id = "r", name = "R", rights = { { right = "stations.view" } } } })
    local cookie, account = member(host, "r@example.org", { "r" })
    t.equal((host:call("GET", "/stations", { cookie = cookie })), 200, "with the right")
    host:call("PATCH", "/roles/r", { json = { rights = { { right = "nodes.view" } } },
      headers = { ["If-Match"] = "*" } })
    t.ok(host.ended[account.id], "sockets are closed")
    t.equal((host:call("GET", "/stations", { cookie = cookie })), 403, "the right is gone at once")
    t.equal((host:call("GET", "/nodes", { cookie = cookie })), 200, "and the new one is there")
    t.equal((host:call("DELETE", "/roles/r", { headers = { ["If-Match"] = "*" } })), 409, "a role in use stays")
  end },

  { "live topics", function(t)
    local host = fake.new():sign_in_administrator()
    grow_tree(host)
    host:call("POST", "/roles", { json = { id = "north", name = "North", rights = {
      { right = "stations.view", node_id = "north" }, { right = "transactions.view" } } } })
    local cookie = member(host, "north@example.org", { "north" })
    local function open(secret)
      return host.service.live_open({ header = function() end, cookie = function() return secret end })
    end
    local function watch(session, topic, filter)
      local ok, what = host.service.live_subscribe(session, topic, filter)
      return { ok or false, what or false }
    end
    t.equal({ open(("0"):rep(64)) }, { nil, "not-signed-in" }, "nobody opens")
    local north, admin = open(cookie), open(host.cookie)
    t.ok(north.id and north.account_id and north.expires_at_ms, "a session")
    t.equal(watch(north, "stations"), { true, "north" }, "cut to its subtree")
    t.equal(watch(north, "stations", { node_id = "n1" }), { true, "n1" }, "or less")
    t.equal(watch(north, "stations", { node_id = "grid" }), { false, "not-found" }, "not more")
    t.equal(watch(north, "station", { station_id = "A" }), { true, false }, "one of its stations")
    t.equal(watch(north, "station", { station_id = "B" }), { false, "not-found" }, "not another")
    t.equal(watch(north, "nodes"), { false, "forbidden" }, "no right, no topic")
    t.equal(watch(north, "transactions"), { true, false }, "everywhere")
    t.equal(watch(admin, "stations"), { true, false }, "an administrator sees all")
    t.equal(watch(admin, "gossip"), { false, "bad-request" }, "an unknown topic")
    host:call("DELETE", "/session", { cookie = cookie })
    t.equal(watch(north, "stations"), { false, "forbidden" }, "after the end nothing")
    t.ok(host.ended[north.id], "and the sockets are closed")
  end },
}
