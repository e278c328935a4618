-- memory_store.lua - A stand-in for kw.store.raw: the request language over Lua tables.
--
-- For tests of Lua code in `kilowatch run`, which has no database. It knows what lua/ asks of the store and
-- no more; the real store answers the same requests in tests/unit/store and in the scenes.

local json = require("kw.json")

local null = json.null
local M = {}

local function copy(value) return json.decode(json.encode(value)) end

local function known(collection, name)
  if not collection.schema.fields[name] and name ~= "revision" then error("unknown field " .. tostring(name), 0) end
end

local function normal(collection, doc)
  local out = {}
  for name in pairs(doc) do known(collection, name) end
  for name in pairs(collection.schema.fields) do
    local value = doc[name]
    if value == nil then value = null end
    out[name] = value
  end
  return out
end

local TESTS = {
  ["="] = function(a, b) return a == b end,
  ["!="] = function(a, b) return a ~= b end,
  ["<"] = function(a, b) return a ~= null and a < b end,
  ["<="] = function(a, b) return a ~= null and a <= b end,
  [">"] = function(a, b) return a ~= null and a > b end,
  [">="] = function(a, b) return a ~= null and a >= b end,
  ["in"] = function(a, list)
    for _, one in ipairs(list) do
      if one == a then return true end
    end
    return false
  end,
  contains = function(a, b)
    if a == null then return false end
    local text = type(a) == "table" and json.encode(a) or tostring(a)
    return text:lower():find(b:lower(), 1, true) ~= nil
  end,
  is_null = function(a) return a == null end,
  not_null = function(a) return a ~= null end,
}

local function fits(collection, doc, where)
  for _, condition in ipairs(where or {}) do
    local ok = false
    if condition[1] == "or" then
      for _, one in ipairs(condition[2]) do
        known(collection, one[1])
        ok = ok or TESTS[one[2]](doc[one[1]], one[3])
      end
    else
      known(collection, condition[1])
      ok = TESTS[condition[2]](doc[condition[1]], condition[3])
    end
    if not ok then return false end
  end
  return true
end

-- SQLite's order: null first.
local function before(a, b)
  if a == null then return b ~= null end
  if b == null then return false end
  return a < b
end

local function order_of(collection, sort)
  local order, has_key = {}, false
  for _, name in ipairs(sort or {}) do
    local down = name:sub(1, 1) == "-"
    name = name:gsub("^%-", "")
    known(collection, name)
    order[#order + 1] = { name, down }
    has_key = has_key or name == collection.schema.key
  end
  if not has_key then order[#order + 1] = { collection.schema.key, order[1] and order[1][2] or false } end
  return order
end

local function compare(order, a, b)
  for i, rule in ipairs(order) do
    local left, right = a[i], b[i]
    if before(left, right) then return not rule[2] end
    if before(right, left) then return rule[2] end
  end
  return false
end

local function values_of(order, doc)
  local values = {}
  for i, rule in ipairs(order) do values[i] = doc[rule[1]] end
  return values
end

local function find(collection, request)
  local order, list, sums = order_of(collection, request.sort), {}, {}
  for _, doc in pairs(collection.docs) do
    if fits(collection, doc, request.where) then list[#list + 1] = doc end
  end
  table.sort(list, function(a, b) return compare(order, values_of(order, a), values_of(order, b)) end)
  for _, name in ipairs(request.sum or {}) do
    sums[name] = 0
    for _, doc in ipairs(list) do sums[name] = sums[name] + (doc[name] ~= null and doc[name] or 0) end
  end
  local items, limit, more = json.array(), request.limit or 100, false
  for _, doc in ipairs(list) do
    if not request.after or compare(order, request.after, values_of(order, doc)) then
      if #items == limit then
        more = true
        break
      end
      items[#items + 1] = copy(doc)
    end
  end
  local totals = (request.count or request.sum) and { total = #list, sum = sums } or nil
  return { items = items, more = more, totals = totals }
end

local OPS = {}

function OPS.get(collection, request)
  local doc = collection.docs[request.key]
  return { doc = doc and copy(doc) or null }
end
OPS.find = find

function OPS.insert(collection, request)
  local doc = normal(collection, copy(request.doc))
  local key = doc[collection.schema.key]
  if collection.docs[key] then return nil, "exists", { error = "exists" } end
  doc.revision = 1
  collection.docs[key] = doc
  return { doc = copy(doc) }
end

function OPS.upsert(collection, request)
  local key = request.doc[collection.schema.key]
  local doc = normal(collection, copy(request.doc))
  doc.revision = collection.docs[key] and collection.docs[key].revision + 1 or 1
  collection.docs[key] = doc
  return { doc = copy(doc) }
end

function OPS.update(collection, request)
  local doc = collection.docs[request.key]
  if not doc then return nil, "not-found", { error = "no such document" } end
  if request.revision and request.revision ~= doc.revision then return nil, "conflict", { doc = copy(doc) } end
  for name, value in pairs(copy(request.set)) do
    known(collection, name)
    doc[name] = value
  end
  doc.revision = doc.revision + 1
  return { doc = copy(doc) }
end

function OPS.delete(collection, request)
  local doc = collection.docs[request.key]
  if not doc then return nil, "not-found", { error = "no such document" } end
  if request.revision and request.revision ~= doc.revision then return nil, "conflict", { doc = copy(doc) } end
  collection.docs[request.key] = nil
  return {}
end

local function run(collections, request)
  local collection = assert(collections[request.from], "unknown collection " .. tostring(request.from))
  return OPS[request.op](collection, request)
end

-- The collections that the real store fills by itself.
local BUILT_IN = {
  transactions = "id station_id transaction_id connector_id key_uid driver_id driver_name node_id state started_ms "
    .. "stopped_ms meter_start_wh meter_stop_wh last_register_wh energy_wh stop_reason quality flags max_power_w",
  meter_samples = "station_id connector_id at_ms measurand phase location context transaction_id value",
}

--- An empty store: request and declare, as kw.store.raw.
function M.new()
  local store = { collections = {} }
  function store.request(request)
    request = copy(request)
    if request.op ~= "batch" then return run(store.collections, request) end
    local saved, results = copy(store.collections), json.array()
    for i, one in ipairs(request.ops) do
      local answer, slug, detail = run(store.collections, one)
      if not answer then
        store.collections = saved
        return nil, slug, detail
      end
      results[i] = answer
    end
    return { results = results }
  end
  function store.declare(declaration)
    local kept = store.collections[declaration.name]
    store.collections[declaration.name] = { schema = copy(declaration), docs = kept and kept.docs or {} }
    return true
  end
  for name, text in pairs(BUILT_IN) do
    local fields = {}
    for field in text:gmatch("%S+") do fields[field] = { type = "string" } end
    store.declare({ name = name, key = name == "transactions" and "id" or "at_ms", fields = fields })
  end
  return store
end

return M
