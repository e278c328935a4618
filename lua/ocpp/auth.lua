-- auth.lua - is this station who it says it is? P:auth:{cs} of the contract, OCPP security profiles 0 to 2.
--
-- A wrong key, an unknown identity and missing credentials get the same answer, after the same work. Failures
-- are throttled by address without locking anybody out: the key is always checked, and only the answer "no" of
-- an address over its budget comes late. Its attempts that wait at the same time are few, so guessing is slow,
-- and a station that is known at that address has room of its own.

local crypto = require "kw.crypto"
local gw = require "kw.gateway"
local log = require "kw.log"
local time = require "kw.time"
local timer = require "kw.timer"

local M = {}
M.__index = M

M.BUDGET = 10             -- failures of an address before its answers come late
M.REFILL_MS = 6000        -- one more failure is free after so long
M.LATE_S = { 1, 2, 4, 8 } -- growing with the failures over the budget
M.LATE_MAX = 8            -- waiting answers of an address over its budget
M.LATE_KNOWN_MAX = 64     -- including stations that are known there
M.UNKNOWN_MAX = 200       -- identities without a key that are remembered
M.ADDRESSES_MAX = 10000

local DUMMY_HASH = ("0"):rep(64)

function M.new(state, redis, options)
  return setmetatable({ state = state, redis = redis, options = options, addresses = {}, address_count = 0,
                        unknown = {}, unknown_count = 0 }, M)
end

local function from_hex(text)
  if type(text) ~= "string" or #text % 2 ~= 0 or text:find("[^%x]") then return "" end
  return (text:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

-- The station's key record | nil, and whether Redis could be asked. May wait.
local function key_record(self, cs)
  local fields, slug = self.redis:hash("auth:" .. cs)
  if fields then
    return { profile = math.tointeger(tonumber(fields.securityProfile)) or 1, salt = fields.salt or "",
             hash = (fields.keyHash or ""):lower(), disabled = fields.disabled == "1" or nil }, true
  end
  if slug == "none" then return nil, true end
  return self.state:get("au:" .. cs), false
end

-- Always hashes and compares, whatever there is to compare with.
local function key_fits(self, record, password)
  local salt = record and from_hex(record.salt) or "kilowatch"
  local wanted = record and #record.hash == 64 and record.hash or DUMMY_HASH
  local fits = crypto.equal(crypto.sha256(salt .. password), wanted)
  if self.options.accept_hex_literal then
    fits = crypto.equal(crypto.sha256(salt .. from_hex(password)), wanted) or fits
  end
  return fits
end

-- true, profile | false, why
local function check(self, cs, record, tls, user, password)
  local fits = key_fits(self, record, password or "")
  if not cs then return false, "bad-identity" end
  if not record then return false, "unknown-identity" end
  if record.disabled then return false, "disabled" end
  if record.profile == 0 and self.options.allow_profile_0 then return true, 0 end
  if record.profile == 3 then return false, "needs-client-certificate" end
  if record.profile == 2 and not tls then return false, "needs-tls" end
  if not user then return false, "no-credentials" end
  if user ~= cs then return false, "user-is-not-identity" end
  if not fits then return false, "wrong-key" end
  return true, tls and 2 or 1
end

local function bucket(self, peer)
  local now, found = time.now_ms(), self.addresses[peer]
  if not found then
    if self.address_count >= M.ADDRESSES_MAX then self.addresses, self.address_count = {}, 0 end
    found = { failures = 0, at_ms = now, late = 0 }
    self.addresses[peer] = found
    self.address_count = self.address_count + 1
  end
  found.failures = math.max(0, found.failures - (now - found.at_ms) / M.REFILL_MS)
  found.at_ms = now
  return found
end

local function note_unknown(self, cs, peer)
  local now, seen = time.now_ms(), self.unknown[cs]
  if not seen then
    if self.unknown_count >= M.UNKNOWN_MAX then
      local oldest
      for name, entry in pairs(self.unknown) do
        if not oldest or entry.last_ms < self.unknown[oldest].last_ms then oldest = name end
      end
      self.unknown[oldest] = nil
      self.unknown_count = self.unknown_count - 1
    end
    seen = { first_ms = now, attempts = 0 }
    self.unknown[cs] = seen
    self.unknown_count = self.unknown_count + 1
  end
  seen.last_ms, seen.peer, seen.attempts = now, peer, seen.attempts + 1
end

--- Identities that came without having a key, newest first.
function M:unknown_stations()
  local list = {}
  for cs, entry in pairs(self.unknown) do
    list[#list + 1] = { cs = cs, peer = entry.peer, attempts = entry.attempts, firstTs = entry.first_ms,
                        lastTs = entry.last_ms }
  end
  table.sort(list, function(a, b) return a.lastTs > b.lastTs or (a.lastTs == b.lastTs and a.cs < b.cs) end)
  return list
end

-- The answer "no": at once within the budget, late beyond it. May wait.
local function refuse(address, why, status, retry_s)
  gw.count("auth-" .. why)
  address.failures = address.failures + 1
  local over = address.failures - M.BUDGET
  if over > 0 then
    address.late = address.late + 1
    timer.sleep(M.LATE_S[math.min(#M.LATE_S, math.ceil(over))])
    address.late = address.late - 1
  end
  return false, status, retry_s
end

--- May it connect? Called by C for every handshake; may wait.
---@param cs string|nil  nil: the path holds no identity that could exist
---@return boolean ok
---@return integer profile_or_status
---@return integer ping_ms_or_retry_s
function M:authenticate(cs, peer, tls, user, password)
  local address = bucket(self, peer)
  local known_here = cs and (self.state:get("cs:" .. cs) or {}).peer == peer
  if address.failures >= M.BUDGET and address.late >= (known_here and M.LATE_KNOWN_MAX or M.LATE_MAX) then
    gw.count("auth-throttled")
    return false, 429, M.LATE_S[#M.LATE_S]
  end
  local record, asked = key_record(self, cs or "-")
  local ok, result = check(self, cs, record, tls, user, password)
  if not ok then
    if result == "unknown-identity" and asked then note_unknown(self, cs, peer) end
    if address.failures < M.BUDGET then
      log.warn("station refused", { station = cs or "", peer = peer, why = result,
                                    redis = asked and "asked" or "away" })
    end
    if not asked then return refuse(address, "redis-away", 503, 10) end -- "no" is not certain, for nobody
    return refuse(address, result, 401, 0)
  end
  if self.unknown[cs] then
    self.unknown[cs] = nil
    self.unknown_count = self.unknown_count - 1
  end
  return true, result, record
end

return M
