-- contract.lua - What the service writes to the complex: who may connect, which keys may charge.
--
-- `P:auth:{cs}` and `P:token:{TAG}` (complex-contract.md 2) are copies of the registers. A change is
-- written at once when Redis is there, else as soon as it is; after every new connection to Redis all of
-- them are written again and strangers are removed, so a Redis that lost its data heals by itself.

local json = require("kw.json")
local log = require("kw.log")
local redis = require("kw.redis")
local settings = require("kw.settings")
local store = require("kw.store")
local time = require("kw.time")
local timer = require("kw.timer")

local M = {}

local CHECK_S, CHUNK = 1, 100

local link, prefix
local pending = {}  -- key -> flat list of fields, or false: to be removed
local generation = 0 -- grows with every change of `pending`
local connection    -- the server's id of the connection that has everything

--- A key as the gateway shall see it now; the register of keys says how.
function M.effective_key(doc) return doc end

--- Fields of a station's `P:auth`.
function M.auth_fields(doc)
  return { "securityProfile", tostring(doc.security_profile or 1), "salt", doc.auth_salt, "keyHash", doc.auth_hash,
           "disabled", doc.disabled == true and "1" or "0", "updatedTs", tostring(time.now_ms()) }
end

--- Fields of a key's `P:token`.
function M.token_fields(doc)
  local fields = { "status", doc.state == "blocked" and "Blocked" or "Accepted", "updatedTs", tostring(time.now_ms()) }
  local function add(name, value)
    if value ~= nil and value ~= json.null and value ~= "" then
      fields[#fields + 1] = name
      fields[#fields + 1] = tostring(value)
    end
  end
  add("groupId", doc.parent_id)
  add("expiryTs", doc.valid_until_ms)
  add("userRef", doc.driver_id)
  return fields
end

-- One key in one transaction of Redis; `wait` for the answer, or trust the order of the connection.
local function write(key, fields, wait)
  link:send("MULTI")
  link:send("DEL", key)
  if fields then link:send("HSET", key, table.unpack(fields)) end
  if not wait then return link:send("EXEC") end
  return link:call("EXEC")
end

local function put(key, fields)
  pending[key] = fields
  generation = generation + 1
  if not link or not link:up() then return end
  if write(key, fields, true) and pending[key] == fields then pending[key] = nil end
end

function M.put_station(doc) put(prefix .. "auth:" .. doc.id, M.auth_fields(doc)) end
function M.remove_station(id) put(prefix .. "auth:" .. id, false) end
function M.put_key(doc) put(prefix .. "token:" .. doc.id, M.token_fields(doc)) end
function M.remove_key(id) put(prefix .. "token:" .. id, false) end

local function remove_strangers(pattern, wanted)
  local cursor, removed = "0", 0
  repeat
    local answer = link:call("SCAN", cursor, "MATCH", pattern, "COUNT", "500")
    if not answer then return nil end
    cursor = answer[1]
    for _, key in ipairs(answer[2]) do
      if not wanted[key] and not pending[key] then
        link:send("DEL", key)
        removed = removed + 1
      end
    end
  until cursor == "0"
  return removed
end

-- Everything again. nil: Redis went away meanwhile.
local function write_all()
  local stations, keys = store.all("stations"), store.all("keys")
  if not stations or not keys then return nil end
  local wanted, list = {}, {}
  for _, doc in ipairs(stations) do list[#list + 1] = { prefix .. "auth:" .. doc.id, M.auth_fields(doc) } end
  for _, doc in ipairs(keys) do list[#list + 1] = { prefix .. "token:" .. doc.id,
    M.token_fields(M.effective_key(doc)) } end
  for i, row in ipairs(list) do
    wanted[row[1]] = true
    -- a change made while this runs is newer than what was read
    if pending[row[1]] == nil and not write(row[1], row[2], i % CHUNK == 0) then return nil end
  end
  if not remove_strangers(prefix .. "auth:*", wanted) or not remove_strangers(prefix .. "token:*", wanted) then
    return nil
  end
  return #list
end

local function flush()
  local key, fields = next(pending)
  while key do
    if not write(key, fields, true) then return end
    if pending[key] == fields then pending[key] = nil end
    key, fields = next(pending) -- afresh: the table may have changed while we waited
  end
end

local function look()
  if not link:up() then return end
  local id = link:call("CLIENT", "ID")
  if not id then return end
  if id ~= connection then
    local before = generation
    local count = write_all()
    if count and before == generation then
      connection = id
      log.info("station keys and RFID keys written to Redis", { count = count })
    end
  end
  flush()
end

local function keep_up()
  while true do
    local ok, why = pcall(look)
    if not ok then log.error("keys not written to Redis", { error = tostring(why) }) end
    timer.sleep(CHECK_S)
  end
end

--- Start the background task.
function M.start()
  prefix = settings.get("redis_prefix")
  link = redis.connect(settings.get("redis_url"))
  timer.spawn(keep_up)
end

return M
