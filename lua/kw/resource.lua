-- resource.lua - List, read, create, change and delete of a declared resource, in the one way.
--
-- A resource file says what is particular (hooks); this file does what is the same everywhere: rights with
-- subtrees (404 for what the account may not see), pages, ETag and If-Match (412 with the current
-- document), the audit entry in the same transaction as the change.
--
-- options: resource, path, tag, one (a word), view, edit (rights), node (column of the node it belongs to),
--   operations (set of list, get, create, patch, delete; default all), query (extra parameters), list_id;
-- hooks: where(query, caller, req) -> conditions; show(out, doc, caller); show_page(items, docs, caller);
--   new(doc, req, caller);
--   change(before, set, req, caller); remove(doc, req, caller) - these three answer nil, or a problem;
--   written(doc, before, req, caller) -> table merged into the answer; removed(doc).

local json = require("kw.json")
local time = require("kw.time")
local crypto = require("kw.crypto")
local api = require("kw.api")
local audit = require("kw.audit")
local present = require("kw.present")
local problem = require("kw.problem")
local query = require("kw.query")
local rights = require("kw.rights")
local schema = require("kw.schema")
local store = require("kw.store")

local M = {}

function M.new_id() return crypto.random_hex(10) end

function M.etag(doc) return { ETag = ('"%d"'):format(doc.revision) } end

local function show_all(options, docs, caller)
  local items = {}
  for i, doc in ipairs(docs) do
    local out = present.doc(options.resource, doc, caller and caller.rights)
    if options.show then options.show(out, doc, caller) end
    items[i] = out
  end
  if options.show_page then options.show_page(items, docs, caller) end
  return items
end

local function show(options, doc, caller)
  return show_all(options, { doc }, caller)[1]
end

--- 412 with the document as it is now.
function M.stale(options, req, caller, doc)
  return problem(req, 412, "stale-revision", nil, { current = show(options, doc, caller) }, M.etag(doc))
end

-- The document behind {id} if the caller may see it and may `right` it; else a problem.
function M.find(options, req, caller, right)
  local doc, slug, detail = store.get(options.resource.collection, req.params.id)
  if not doc then return nil, problem.of_store(req, slug, detail) end
  if options.node then
    local node = doc[options.node]
    if not rights.may(caller, options.view, node) then return nil, problem(req, 404, "not-found") end
    if not rights.may(caller, right, node) then
      return nil, problem(req, 403, "forbidden", ("The right %s is needed here."):format(right))
    end
  end
  return doc
end

local function forbidden_node(options, req, caller, node)
  if not options.node or options.node == "id" or rights.may(caller, options.edit, node) then return nil end
  return problem(req, 403, "forbidden", ("The right %s is needed at that node."):format(options.edit))
end

local function list(options)
  return function(req, caller)
    local asked = req.list
    if options.node then
      local scope = rights.scope(caller, options.view)
      if scope ~= true then asked.where[#asked.where + 1] = { options.node, "in", scope } end
    end
    if options.where then options.where(asked, caller, req) end
    local found, slug, detail = store.find(options.resource.collection, query.request(asked, { sum = options.sum }))
    if not found then return problem.of_store(req, slug, detail) end
    local page = query.page(asked, found, show_all(options, found.items, caller))
    page.sum = options.sum and found.sum
    return 200, page
  end
end

local function get(options)
  return function(req, caller)
    local doc, status, body, headers = M.find(options, req, caller, options.view)
    if not doc then return status, body, headers end
    return 200, show(options, doc, caller), M.etag(doc)
  end
end

local function answer_written(options, doc, before, req, caller)
  local extra = options.written and options.written(doc, before, req, caller)
  local out = show(options, doc, caller)
  for name, value in pairs(extra or {}) do out[name] = value end
  return out
end

local function create(options)
  local resource = options.resource
  return function(req, caller)
    local doc = present.columns(resource, req.input)
    doc[resource.key] = doc[resource.key] or M.new_id()
    if resource.by.created_at then doc.created_ms = time.now_ms() end
    local status, body, headers = forbidden_node(options, req, caller, doc[options.node])
    if status then return status, body, headers end
    if options.new then
      status, body, headers = options.new(doc, req, caller)
      if status then return status, body, headers end
    end
    local _, after = audit.difference(resource, nil, doc)
    local results, slug, detail = store.batch({
      { op = "insert", from = resource.collection, doc = doc },
      audit.entry(req, caller, { action = options.one .. ".create", object_type = options.one,
                                 object_id = doc[resource.key], after = after }) })
    if not results then
      if options.undo then options.undo(doc, nil) end
      return problem.of_store(req, slug, detail)
    end
    headers = M.etag(results[1])
    headers.Location = ("%s%s/%s"):format(api.base, options.path, doc[resource.key]:gsub("[^%w%-_.~]", function(byte)
      return ("%%%02X"):format(byte:byte())
    end))
    return 201, answer_written(options, results[1], nil, req, caller), headers
  end
end

local function patch(options)
  local resource = options.resource
  return function(req, caller)
    local doc, status, body, headers = M.find(options, req, caller, options.edit)
    if not doc then return status, body, headers end
    if req.revision and req.revision ~= doc.revision then return M.stale(options, req, caller, doc) end
    local set = present.columns(resource, req.input)
    if set[options.node] ~= nil then
      status, body, headers = forbidden_node(options, req, caller, set[options.node])
      if status then return status, body, headers end
    end
    if options.change then
      status, body, headers = options.change(doc, set, req, caller)
      if status then return status, body, headers end
    end
    local after = {}
    for name in pairs(set) do after[name] = doc[name] == nil and json.null or doc[name] end
    local old, new = audit.difference(resource, after, set)
    local results, slug, current = store.batch({
      { op = "update", from = resource.collection, key = doc[resource.key], set = set, revision = doc.revision },
      audit.entry(req, caller, { action = options.one .. ".update", object_type = options.one,
                                 object_id = doc[resource.key], before = old, after = new }) })
    if not results then
      if options.undo then options.undo(set, doc) end
      if slug == "conflict" then return M.stale(options, req, caller, current) end
      return problem.of_store(req, slug, current)
    end
    return 200, answer_written(options, results[1], doc, req, caller), M.etag(results[1])
  end
end

local function delete(options)
  local resource = options.resource
  return function(req, caller)
    local doc, status, body, headers = M.find(options, req, caller, options.edit)
    if not doc then return status, body, headers end
    if req.revision and req.revision ~= doc.revision then return M.stale(options, req, caller, doc) end
    if options.remove then
      status, body, headers = options.remove(doc, req, caller)
      if status then return status, body, headers end
    end
    local before = audit.difference(resource, doc, nil)
    local results, slug, current = store.batch({
      { op = "delete", from = resource.collection, key = doc[resource.key], revision = doc.revision },
      audit.entry(req, caller, { action = options.one .. ".delete", object_type = options.one,
                                 object_id = doc[resource.key], before = before }) })
    if not results then
      if slug == "conflict" then return M.stale(options, req, caller, current) end
      return problem.of_store(req, slug, current)
    end
    if options.removed then options.removed(doc) end
    return 204
  end
end

--- The schema of a page of `resource`.
function M.page_of(resource, sum)
  local rows = {
    { "items", schema.array(resource, { max_items = 1000 }), required = true, doc = "The rows." },
    { "next_cursor", "string", null = true, doc = "Send it as `cursor` for the next page; null: this is the last." },
    { "total", "integer", required = true, doc = "Rows under this filter, on all pages." },
  }
  if sum then rows[#rows + 1] = { "sum", sum, required = true, doc = "Over the whole filter." } end
  return schema.object(resource.name .. "Page", rows)
end

--- Declare the operations of a resource.
function M.serve(options)
  local resource = options.resource
  local wanted = options.operations or { list = true, get = true, create = true, patch = true, delete = true }
  local name, placed = resource.name, options.node ~= nil
  local words = options.one:gsub("_", " ")
  local function operation(op)
    op.tag, op.placed = options.tag, placed
    api.operation(op)
  end
  if wanted.list then
    operation({ method = "GET", path = options.path, id = options.list_id or "list" .. name .. "s",
      right = options.view,
                summary = "List of " .. resource.plural, list = resource, query = options.query,
                answer = M.page_of(resource, options.sum_schema), handler = list(options) })
  end
  if wanted.create then
    operation({ method = "POST", path = options.path, id = "create" .. name, right = options.edit, status = 201,
                summary = "New " .. words, body = schema.for_create(resource), answer = options.created or resource,
                handler = create(options) })
  end
  if wanted.get then
    operation({ method = "GET", path = options.path .. "/{id}", id = "get" .. name, right = options.view,
                summary = "One " .. words, answer = resource, handler = get(options) })
  end
  if wanted.patch then
    operation({ method = "PATCH", path = options.path .. "/{id}", id = "change" .. name, right = options.edit,
                summary = "Change a " .. words, if_match = true, body = schema.for_patch(resource),
                answer = options.changed or resource, handler = patch(options) })
  end
  if wanted.delete then
    operation({ method = "DELETE", path = options.path .. "/{id}", id = "delete" .. name, right = options.edit,
                summary = "Delete a " .. words, if_match = true, status = 204, handler = delete(options) })
  end
  return options
end

return M
