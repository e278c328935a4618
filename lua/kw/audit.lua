-- audit.lua - Who did what, when, to what: one entry a change, written with the change.
--
-- M.entry() makes a store operation; a handler puts it into the same batch as its change, so there is
-- no change without its entry and no entry without its change. Hidden fields (hashes) never get in.

local time = require("kw.time")
local crypto = require("kw.crypto")
local json = require("kw.json")
local log = require("kw.log")
local store = require("kw.store")
local schema = require("kw.schema")

local M = {}

M.resource = schema.resource {
  name = "AuditEntry", plural = "audit", collection = "audit", revision = false, sort = { "-id" },
  doc = "Every change and every sign-in.",
  fields = {
    { "id", "string", required = true, sort = true, doc = "Sorts by time." },
    { "at", "time", required = true, index = true, doc = "When." },
    { "account_id", "string", filter = true, index = true, doc = "Who; null: nobody was signed in." },
    { "account_name", "string", doc = "The name then." },
    { "action", "string", required = true, filter = true, doc = "As `station.update` or `session.refused`." },
    { "object_type", "string", filter = true, doc = "Kind of the object." },
    { "object_id", "string", filter = true, index = true, doc = "Its id." },
    { "before", "json", null = true, doc = "The fields that changed, before." },
    { "after", "json", null = true, doc = "The same fields, after." },
    { "address", "string", doc = "Address of the client." },
    { "request_id", "string", doc = "Id of the request." },
  },
}

local last_ms, count = 0, 0

-- Grows with time, also within one millisecond and over a clock that steps back.
local function next_id(now_ms)
  if now_ms > last_ms then last_ms, count = now_ms, 0 end
  count = count + 1
  return ("%014d%05d%s"):format(last_ms, count, crypto.random_hex(4))
end

local function shown(resource, doc, out)
  for name, value in pairs(doc or {}) do
    local hidden = false
    for _, field in ipairs(resource.fields) do
      if field.column == name and (field.hidden or field.write_only) then hidden = true end
    end
    if not hidden then out[name] = value end
  end
  return out
end

local function same(a, b)
  return a == b or (type(a) == "table" and type(b) == "table" and json.encode(a) == json.encode(b))
end

--- Only what differs, without hidden fields.
function M.difference(resource, before, after)
  local old, new = shown(resource, before, {}), shown(resource, after, {})
  if before and after then
    for name, value in pairs(old) do
      if same(value, new[name]) then old[name], new[name] = nil, nil end
    end
  end
  old.revision, new.revision = nil, nil
  return before and old or nil, after and new or nil
end

--- The store operation of one entry. `what`: action, object_type, object_id, before, after.
function M.entry(req, caller, what)
  local now_ms = time.now_ms()
  local account = caller and caller.account
  return { op = "insert", from = "audit", doc = {
    id = next_id(now_ms), at_ms = now_ms, account_id = account and account.id, account_name = account and account.name,
    action = what.action, object_type = what.object_type, object_id = what.object_id, before = what.before,
    after = what.after, address = req and req.peer, request_id = req and req.id,
  } }
end

--- An entry of its own (nothing else is written). A failure is logged: the store already refused.
function M.write(req, caller, what)
  local entry = M.entry(req, caller, what)
  local done, slug = store.batch({ entry })
  if not done then log.error("audit entry not written", { action = what.action, reason = slug }) end
end

local refused, refused_count = {}, 0 -- account and operation -> ms of the last entry

local REFUSED_EVERY_MS, REFUSED_MAX = 60000, 5000

--- Somebody signed in tried what they may not: one entry a minute for each account and operation, so that
-- nobody fills the trail by trying.
function M.refused(req, caller, operation)
  local key, now_ms = caller.account_id .. " " .. operation, time.now_ms()
  local before = refused[key]
  if before and now_ms - before < REFUSED_EVERY_MS then return end
  if not before then
    if refused_count >= REFUSED_MAX then refused, refused_count = {}, 0 end
    refused_count = refused_count + 1
  end
  refused[key] = now_ms
  M.write(req, caller, { action = "refused", object_type = "operation", object_id = operation,
                         after = { path = req.path } })
end

return M
