-- query.lua - What a list was asked for: limit, cursor, sort, filters, text. Names it does not know are
-- refused.
--
-- M.plan() is made once a route; M.read() turns one request's query into the store's request; M.page()
-- turns the store's answer into {items, next_cursor, total}. A cursor is the sort and the last row's
-- values: it goes on where the page ended, whatever was inserted meanwhile.

local json = require("kw.json")
local crypto = require("kw.crypto")
local check = require("kw.check")
local tree = require("kw.tree")

local M = {}

local LIMIT_DEFAULT, LIMIT_MAX = 100, 1000
local VALUES_MAX = 50

M.parameters = {
  limit = { name = "limit", type = "integer", min = 1, max = LIMIT_MAX, default = LIMIT_DEFAULT, doc = "Rows a page." },
  cursor = { name = "cursor", type = "string", max_length = 2000, doc = "`next_cursor` of the page before." },
  sort = { name = "sort", type = "string", doc = "Field to sort by; `-` in front: downwards; several by commas." },
  q = { name = "q", type = "string", max_length = 200, doc = "Text to look for, in any case of letters." },
}

--- A plan for lists of `resource` (nil: only `extra`). `extra`: parameters that the handler reads itself,
-- as fields; `many` ones may be repeated.
function M.plan(resource, extra)
  local plan = { resource = resource, by = {}, order = {}, sortable = {}, searched = {} }
  local function know(parameter)
    plan.by[parameter.name] = parameter
    plan.order[#plan.order + 1] = parameter
  end
  if resource then
    know(M.parameters.limit)
    know(M.parameters.cursor)
    local sortable = {}
    for _, field in ipairs(resource.fields) do
      if field.sort then
        plan.sortable[field.name] = field.column
        sortable[#sortable + 1] = field.name
      end
      if field.search then plan.searched[#plan.searched + 1] = field.column end
      if field.filter then
        know({ name = field.name, type = field.type, enum = field.enum, items = field.items, many = true, field = field,
               doc = field.filter == "subtree" and "Only at this node or below." or "Only with this value." })
      end
    end
    if sortable[1] then know({ name = "sort", type = "string", doc = M.parameters.sort.doc, sortable = sortable }) end
    if plan.searched[1] then know(M.parameters.q) end
  end
  for _, parameter in ipairs(extra or {}) do know(parameter) end
  return plan
end

local function to_cursor(sort, values)
  local text = crypto.base64(json.encode({ s = sort, v = values }))
  return (text:gsub("[+/=]", { ["+"] = "-", ["/"] = "_", ["="] = "" }))
end

local function from_cursor(text)
  text = text:gsub("[-_]", { ["-"] = "+", ["_"] = "/" })
  text = text .. ("="):rep(-#text % 4)
  local bytes = crypto.unbase64(text)
  local cursor = bytes and json.decode(bytes)
  if type(cursor) ~= "table" or type(cursor.s) ~= "string" or type(cursor.v) ~= "table" then return nil end
  for i = 1, #cursor.v do
    if type(cursor.v[i]) == "table" then return nil end
  end
  return cursor
end

local function fault(errors, name, code, message)
  errors[#errors + 1] = { path = name, code = code, message = message }
end

-- sort=-a,b -> { "-a_column", "b_column" }, always ending with the key.
local function read_sort(plan, text, errors)
  local list, key = {}, plan.resource.key
  for part in (text or table.concat(plan.resource.default_sort, ",")):gmatch("[^,]+") do
    local down, name = part:match("^(-?)(.+)$")
    local column = plan.sortable[name] or (not text and (plan.resource.by[name] or {}).column or nil)
    if not column then
      fault(errors, "sort", "enum", ("cannot sort by %s"):format(part))
      return list
    end
    list[#list + 1] = down .. column
    if column == key then return list end
  end
  if #list > 5 then fault(errors, "sort", "items", "at most 5 fields") end
  list[#list + 1] = (list[1] and list[1]:sub(1, 1) == "-" and "-" or "") .. key
  return list
end

local function read_filter(query, field, values)
  if field.filter == "subtree" then
    local ids = json.array()
    for _, id in ipairs(values) do tree.below(id, ids) end
    query.where[#query.where + 1] = { field.column, "in", ids }
  elseif #values == 1 then
    query.where[#query.where + 1] = { field.column, "=", values[1] }
  else
    query.where[#query.where + 1] = { field.column, "in", values }
  end
end

local function read_text(plan, query, text)
  local any = {}
  for _, column in ipairs(plan.searched) do any[#any + 1] = { column, "contains", text } end
  query.where[#query.where + 1] = { "or", any }
end

-- name -> list of checked values
local function collect(plan, pairs_list, errors)
  local given, unknown = {}, nil
  for _, pair in ipairs(pairs_list) do
    local parameter = plan.by[pair[1]]
    if not parameter then
      unknown = unknown or pair[1]
    else
      local value, why = check.text(parameter, pair[2])
      local list = given[pair[1]] or {}
      given[pair[1]] = list
      if value == nil then
        fault(errors, pair[1], "type", why)
      elseif (list[1] ~= nil and not parameter.many) or #list >= VALUES_MAX then
        fault(errors, pair[1], "items", parameter.many and "too many values" or "must be given once")
      else
        list[#list + 1] = value
      end
    end
  end
  return given, unknown
end

--- The request's query, or nil, code, detail, errors. The result has limit, sort, after, where and
-- `given` (name -> value, or list of values for `many`).
function M.read(plan, req)
  if req.query_error then return nil, "bad-request", "The query has a bad escape or too many names." end
  local errors = {}
  local given, unknown = collect(plan, req.query, errors)
  if unknown then return nil, "unknown-query", ("This resource has no query name %q."):format(unknown) end
  local query = { where = json.array(), given = {} }
  for name, list in pairs(given) do
    local parameter = plan.by[name]
    if parameter.field and #list > 0 then read_filter(query, parameter.field, list) end
    if parameter.many then query.given[name] = list else query.given[name] = list[1] end
  end
  if plan.resource then
    query.limit = query.given.limit or LIMIT_DEFAULT
    query.sort = read_sort(plan, query.given.sort, errors)
    if query.given.q and query.given.q ~= "" then read_text(plan, query, query.given.q) end
    if query.given.cursor and not errors[1] then
      local cursor = from_cursor(query.given.cursor)
      if not cursor or cursor.s ~= table.concat(query.sort, ",") or #cursor.v ~= #query.sort then
        return nil, "bad-cursor"
      end
      query.after = cursor.v
    end
  end
  if errors[1] then return nil, "validation", nil, errors end
  return query
end

--- What the store is asked. `more` are conditions that the handler adds.
function M.request(query, options)
  local request = { where = query.where, sort = query.sort, limit = query.limit, after = query.after, count = true }
  for name, value in pairs(options or {}) do request[name] = value end
  return request
end

--- The answer of a list: `items` are already presented, `found` is the store's answer.
function M.page(query, found, items)
  local cursor = json.null
  local last = found.items[#found.items]
  if found.more and last then
    local values = {}
    for i, name in ipairs(query.sort) do
      local value = last[(name:gsub("^-", ""))]
      if value == nil then value = json.null end
      values[i] = value
    end
    cursor = to_cursor(table.concat(query.sort, ","), values)
  end
  return { items = json.array(items), next_cursor = cursor, total = found.total }
end

return M
