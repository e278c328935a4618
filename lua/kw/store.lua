-- store.lua - Pleasant names for the request language of core/store/store.h.
--
-- Every call suspends the task and answers a value, or nil, slug, detail. Documents come back
-- without JSON nulls: a field that is not set is simply absent. To clear a field, write json.null.

local raw = require("kw.store.raw")
local json = require("kw.json")

local M = { declare = raw.declare, request = raw.request, null = json.null }
local null = json.null

local function plain(doc)
  if doc == nil or doc == null then return nil end
  for name, value in pairs(doc) do
    if value == null then doc[name] = nil end
  end
  return doc
end
M.plain = plain

-- nil, slug, words | nil, "conflict", current document
local function failed(slug, detail)
  if slug == "conflict" then return nil, slug, plain(detail and detail.doc) end
  return nil, slug, detail and detail.error or detail
end

--- The document, or nil (no such key) with "not-found", or nil with another slug.
function M.get(from, key)
  local answer, slug, detail = raw.request({ op = "get", from = from, key = key })
  if not answer then return failed(slug, detail) end
  local doc = plain(answer.doc)
  if not doc then return nil, "not-found" end
  return doc
end

--- spec: where, sort, limit, after, count, sum. -> { items, more, total?, sum? }
function M.find(from, spec)
  local request = { op = "find", from = from }
  for name, value in pairs(spec or {}) do request[name] = value end
  local answer, slug, detail = raw.request(request)
  if not answer then return failed(slug, detail) end
  for _, doc in ipairs(answer.items) do plain(doc) end
  local totals = answer.totals
  return { items = answer.items, more = answer.more, total = totals and totals.total, sum = totals and totals.sum }
end

--- Every document of a collection (registers that live in memory; start only).
function M.all(from)
  local list, after = {}, nil
  repeat
    local page, slug, detail = M.find(from, { limit = 1000, after = after })
    if not page then return nil, slug, detail end
    for _, doc in ipairs(page.items) do list[#list + 1] = doc end
    local last = page.items[#page.items]
    after = last and { last[M.key_of[from] or "id"] }
  until not page.more
  return list
end
M.key_of = {}

local function one(request)
  local answer, slug, detail = raw.request(request)
  if not answer then return failed(slug, detail) end
  return plain(answer.doc) or true
end

function M.insert(from, doc) return one({ op = "insert", from = from, doc = doc }) end
function M.upsert(from, doc) return one({ op = "upsert", from = from, doc = doc }) end

function M.update(from, key, set, revision)
  return one({ op = "update", from = from, key = key, set = set, revision = revision })
end

function M.delete(from, key, revision)
  return one({ op = "delete", from = from, key = key, revision = revision })
end

--- All of the operations or none. -> array of results (document or true)
function M.batch(ops)
  local answer, slug, detail = raw.request({ op = "batch", ops = ops })
  if not answer then return failed(slug, detail) end
  local results = {}
  for i, result in ipairs(answer.results) do results[i] = plain(result.doc) or true end
  return results
end

function M.group(from, spec)
  local request = { op = "group", from = from }
  for name, value in pairs(spec) do request[name] = value end
  local answer, slug, detail = raw.request(request)
  if not answer then return failed(slug, detail) end
  for _, row in ipairs(answer.rows) do plain(row) end
  return answer.rows
end

return M
