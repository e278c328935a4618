-- nodes.lua - The tree of nodes: grid connection, transformers, switchboards, feeders, groups.
--
-- The store has the declaration; the live model (kw.complex) has the load, kw.tree the shape for rights.
-- A node can be moved, never below itself; it can go only when nothing stands on it.

local json = require("kw.json")
local log = require("kw.log")
local complex = require("kw.complex")
local present = require("kw.present")
local problem = require("kw.problem")
local resource = require("kw.resource")
local rights = require("kw.rights")
local schema = require("kw.schema")
local store = require("kw.store")
local api = require("kw.api")
local query = require("kw.query")
local tree = require("kw.tree")

local M = {}

local DEPTH_MAX = 16
local MA = { "integer", min = 0, max = 10000000, null = true, unit = "mA" }

M.load_object = schema.object("NodeLoad", {
  { "current_ma", schema.phases({ "integer", null = true }), null = true, doc = "Current, a phase of the feeder." },
  { "power_w", "integer", unit = "W", doc = "Power." },
  { "ratio", "integer", unit = "1/1000", doc = "Worst phase (or power) against its limit; null: no limit." },
  { "as_of", "time", doc = "Newest value in the sum." },
  { "stale", "boolean", required = true, doc = "A part of the sum is too old: it is at least this." },
})

local id_rule = { min_length = 1, max_length = 60, match = "^[%w_%-%.]+$", pattern = "^[A-Za-z0-9_.-]+$" }

M.resource = schema.resource {
  name = "Node", plural = "nodes", collection = "nodes", sort = { "name" }, doc = "A place that power flows through.",
  fields = {
    { "id", "string", create_only = true, min_length = id_rule.min_length, max_length = id_rule.max_length,
      match = id_rule.match, pattern = id_rule.pattern, sort = true, required = false,
        doc = "Id; made when left out." },
    { "parent_id", "string", null = true, max_length = 60, filter = true, index = true,
      doc = "Node above; null: the top." },
    { "kind", "string", enum = { "grid", "transformer", "switchboard", "feeder", "group" }, required = true,
      filter = true, doc = "What it is." },
    { "name", "string", required = true, min_length = 1, max_length = 100, max_bytes = 127, search = true,
      sort = true, doc = "Name." },
    { "limit_ma", schema.phases(MA), null = true, unit = "mA", doc = "Limit a phase; null: none." },
    { "limit_w", "integer", null = true, min = 0, max = 1000000000, unit = "W", doc = "Limit in all; null: none." },
    { "margin_ma", "integer", default = 0, min = 0, max = 10000000, unit = "mA", doc = "Kept free under the limit." },
    { "base_worst_ma", schema.phases(MA), null = true, unit = "mA",
      doc = "Largest load that is not charging, a phase." },
    { "meter_id", "string", null = true, max_length = 60, doc = "Its own meter." },
    { "meter_scope", "string", null = true, enum = { "all", "base" },
      doc = "What the meter sees: everything, or only the rest." },
    { "load", M.load_object, null = true, live = true, read_only = true, doc = "The load now." },
  },
}

local function of_null(value)
  if value == json.null then return nil end
  return value
end

local function load_of(id)
  local live = complex.node(id)
  if not live then return json.null end
  return { current_ma = live.current_ma, power_w = live.power_w, ratio = live.ratio,
    as_of = present.time(live.as_of_ms),
           stale = live.stale or false }
end

local function put_live(doc)
  local limits = of_null(doc.limit_ma)
  local done, slug, words = complex.put_node({
    id = doc.id, parent_id = of_null(doc.parent_id), kind = doc.kind, name = doc.name, revision = doc.revision,
    limit_ma = limits and { of_null(limits[1]), of_null(limits[2]), of_null(limits[3]) },
    limit_w = of_null(doc.limit_w) })
  if not done then log.error("the live model refused a node", { node = doc.id, reason = slug, detail = words }) end
end

local function invalid(req, path, code, message)
  return problem(req, 422, "validation", nil, { errors = { { path = path, code = code, message = message } } })
end

local function depth_of(id)
  local depth = 0
  while id and depth <= DEPTH_MAX do
    depth = depth + 1
    id = tree.parent(id)
  end
  return depth
end

local function check_parent(id, parent_id, req, caller)
  if not parent_id then
    if caller.rights["nodes.edit"] ~= true then return problem(req, 403, "forbidden", "Not at the top of the tree.") end
    return nil
  end
  if not tree.exists(parent_id) then return invalid(req, "parent_id", "unknown-node", "There is no such node.") end
  if not rights.may(caller, "nodes.edit", parent_id) then
    return problem(req, 403, "forbidden", "The right nodes.edit is needed at the parent.")
  end
  if tree.is_below(parent_id, id) then return invalid(req, "parent_id", "cycle", "A node cannot be below itself.") end
  if depth_of(parent_id) + (tree.exists(id) and tree.height(id) or 1) > DEPTH_MAX then
    return invalid(req, "parent_id", "depth", ("The tree may be %d levels deep."):format(DEPTH_MAX))
  end
end

local options = {
  resource = M.resource, path = "/nodes", tag = "nodes", one = "node", node = "id",
  view = "nodes.view", edit = "nodes.edit", operations = { get = true, create = true, patch = true, delete = true },
  show = function(out, doc) out.load = load_of(doc.id) end,
  new = function(doc, req, caller)
    if tree.exists(doc.id) then return problem(req, 409, "conflict", "There is a node with this id.") end
    local status, body, headers = check_parent(doc.id, of_null(doc.parent_id), req, caller)
    if status then return status, body, headers end
    tree.put(doc.id, of_null(doc.parent_id))
  end,
  change = function(before, set, req, caller)
    if set.parent_id == nil or of_null(set.parent_id) == before.parent_id then return nil end
    local status, body, headers = check_parent(before.id, of_null(set.parent_id), req, caller)
    if status then return status, body, headers end
    tree.put(before.id, of_null(set.parent_id))
  end,
  undo = function(doc, before)
    if before then tree.put(before.id, before.parent_id) else tree.remove(doc.id) end
  end,
  written = function(doc)
    tree.put(doc.id, doc.parent_id)
    put_live(doc)
  end,
  remove = function(doc, req)
    if tree.has_children(doc.id) then return problem(req, 409, "in-use", "There are nodes below it.") end
    local found, slug, detail = store.find("stations", { where = { { "node_id", "=", doc.id } }, limit = 1 })
    if not found then return problem.of_store(req, slug, detail) end
    if found.items[1] then return problem(req, 409, "in-use", "There are stations on it.") end
  end,
  removed = function(doc)
    tree.remove(doc.id)
    local done, slug = complex.remove_node(doc.id)
    if not done then log.error("the live model kept a node", { node = doc.id, reason = slug }) end
  end,
}

-- All nodes the caller may see, each below its parent (or on top when the parent is not to be seen).
local function nested(req, caller)
  local scope = rights.scope(caller, "nodes.view")
  local seen, roots = {}, json.array()
  local list, slug, detail = store.all("nodes")
  if not list then return problem.of_store(req, slug, detail) end
  for _, doc in ipairs(list) do
    if rights.may(caller, "nodes.view", doc.id) then
      local out = present.doc(M.resource, doc)
      out.load, out.children = load_of(doc.id), json.array()
      seen[doc.id] = out
    end
  end
  table.sort(list, function(a, b) return a.name < b.name or (a.name == b.name and a.id < b.id) end)
  local total = 0
  for _, doc in ipairs(list) do
    local out = seen[doc.id]
    if out then
      local above = seen[doc.parent_id or ""]
      table.insert(above and above.children or roots, out)
      total = total + 1
    end
  end
  return 200, { items = roots, next_cursor = json.null, total = scope == true and #list or total }
end

local function list(req, caller)
  if req.list.given.tree then return nested(req, caller) end
  local scope = rights.scope(caller, "nodes.view")
  if scope ~= true then req.list.where[#req.list.where + 1] = { "id", "in", scope } end
  local found, slug, detail = store.find("nodes", query.request(req.list))
  if not found then return problem.of_store(req, slug, detail) end
  local items = {}
  for i, doc in ipairs(found.items) do
    items[i] = present.doc(M.resource, doc)
    items[i].load = load_of(doc.id)
  end
  return 200, query.page(req.list, found, items)
end

--- Fill the tree and the live model (start only): parents before children.
function M.load()
  local waiting = assert(store.all("nodes"))
  while waiting[1] do
    local later = {}
    for _, doc in ipairs(waiting) do
      if not doc.parent_id or tree.exists(doc.parent_id) then
        tree.put(doc.id, doc.parent_id)
        put_live(doc)
      else
        later[#later + 1] = doc
      end
    end
    if #later == #waiting then
      log.error("nodes without a parent in the store are left out", { count = #later, first = later[1].id })
      return
    end
    waiting = later
  end
end

M.in_tree = schema.object("NodeInTree", {})
for _, field in ipairs(M.resource.fields) do
  M.in_tree.fields[#M.in_tree.fields + 1] = field
  M.in_tree.by[field.name] = field
end
M.in_tree.by.children = { name = "children", column = "children", type = "array", items = M.in_tree,
                          doc = "Nodes below, with `tree=1` only." }
M.in_tree.fields[#M.in_tree.fields + 1] = M.in_tree.by.children
M.in_tree.key, M.in_tree.name, M.in_tree.plural = "id", "NodeInTree", "nodes"

api.operation {
  method = "GET", path = "/nodes", id = "listNodes", tag = "nodes", right = "nodes.view", placed = true,
  summary = "Nodes with their load; `tree=1`: nested, in one page", list = M.resource,
  query = { { name = "tree", type = "boolean", doc = "Nested: each node has `children`." } },
  answer = resource.page_of(M.in_tree), handler = list,
}
resource.serve(options)

return M
