-- ocpp_access_test.lua - keys and tags, with a Redis that is a table and can go away.

local crypto = require "kw.crypto"
local ocpp = require "support.ocpp"
local record_module = require "ocpp.record"
local state_module = require "ocpp.state"
local time = require "kw.time"
local auth_module = require "ocpp.auth"
local tokens_module = require "ocpp.tokens"

local function fake_redis()
  local redis = { keys = {}, away = false, asked = 0 }
  function redis:hash(key)
    self.asked = self.asked + 1
    if self.away then return nil, "closed" end
    if not self.keys[key] then return nil, "none" end
    return self.keys[key]
  end
  return redis
end

local function key_record(key, more)
  local fields = { securityProfile = "1", salt = "00ff", keyHash = crypto.sha256("\x00\xff" .. key):upper() }
  for name, value in pairs(more or {}) do fields[name] = value end
  return fields
end

local function door(options)
  local state, redis = state_module.new(), fake_redis()
  return auth_module.new(state, redis, options or {}), redis, state
end

local function tags(policy)
  local state, redis = state_module.new(), fake_redis()
  local record = record_module.new(state, { id = "EV-1" }, ocpp.T0)
  local tokens = tokens_module.new(state, redis, policy)
  return function(tag) return tokens:id_tag_info(tag, record) end, redis, state
end

return {
  { "a key fits its record, and only with the identity as user", function(t)
    local auth, redis = door()
    redis.keys["auth:EV-1"] = key_record("secret\xff:bytes")
    t.equal({ (auth:authenticate("EV-1", "10.0.0.1", false, "EV-1", "secret\xff:bytes")) }, { true })
    t.equal(select(2, auth:authenticate("EV-1", "10.0.0.1", true, "EV-1", "secret\xff:bytes")), 2, "profile of wss")
    for _, try in ipairs { { "EV-1", "EV-1", "other" }, { "EV-1", "EV-2", "secret\xff:bytes" }, { "EV-1" },
                           { "EV-2", "EV-2", "secret\xff:bytes" }, { nil, "EV-1", "secret\xff:bytes" } } do
      t.equal({ auth:authenticate(try[1], "10.0.0.1", false, try[2], try[3]) }, { false, 401, 0 })
    end
  end },
  { "profiles, disabled keys, hex keys", function(t)
    local auth, redis = door { allow_profile_0 = false }
    redis.keys["auth:A"] = key_record("k", { securityProfile = "2" })
    t.equal((auth:authenticate("A", "p", false, "A", "k")), false)
    t.equal((auth:authenticate("A", "p", true, "A", "k")), true)
    redis.keys["auth:A"] = key_record("k", { securityProfile = "3" })
    t.equal((auth:authenticate("A", "p", true, "A", "k")), false)
    redis.keys["auth:A"] = key_record("k", { disabled = "1" })
    t.equal((auth:authenticate("A", "p", true, "A", "k")), false)
    redis.keys["auth:A"] = key_record("k", { securityProfile = "0" })
    t.equal((auth:authenticate("A", "p", false)), false)
    t.equal((auth:authenticate("A", "p", false, "A", "k")), true, "its key is as good as ever")
    auth.options.allow_profile_0 = true
    t.equal({ auth:authenticate("A", "p", false) }, { true, 0, { profile = 0, salt = "00ff",
      hash = redis.keys["auth:A"].keyHash:lower() } })
    redis.keys["auth:A"] = key_record("\x01\x02")
    t.equal((auth:authenticate("A", "p", false, "A", "0102")), false)
    auth.options.accept_hex_literal = true
    t.equal((auth:authenticate("A", "p", false, "A", "0102")), true)
    redis.keys["auth:A"] = { securityProfile = "1" }
    t.equal((auth:authenticate("A", "p", false, "A", "")), false, "a record without a hash lets nobody in")
  end },
  { "without Redis the last record is good, and no refusal is certain", function(t)
    local auth, redis, state = door()
    state:put("au:A", { profile = 1, salt = "00ff", hash = crypto.sha256("\x00\xffk") })
    redis.away = true
    t.equal((auth:authenticate("A", "p", false, "A", "k")), true)
    t.equal({ auth:authenticate("A", "p", false, "A", "wrong") }, { false, 503, 10 })
    t.equal({ auth:authenticate("B", "p", false, "B", "k") }, { false, 503, 10 })
  end },
  { "unknown identities are kept, boundedly, and forgotten when they get a key", function(t)
    local auth, redis = door()
    auth_module.BUDGET = 1000
    for i = 1, auth_module.UNKNOWN_MAX + 50 do auth:authenticate("X" .. i, "p", false, "X" .. i, "k") end
    t.equal(#auth:unknown_stations(), auth_module.UNKNOWN_MAX)
    auth:authenticate("Y", "p", false, "Y", "k")
    redis.keys["auth:Y"] = key_record("k")
    auth:authenticate("Y", "p", false, "Y", "k")
    for _, entry in ipairs(auth:unknown_stations()) do t.ok(entry.cs ~= "Y") end
    auth_module.BUDGET = 10
  end },
  { "over the budget a refusal is late, and the right key is not", function(t)
    local auth, redis = door()
    redis.keys["auth:A"] = key_record("k")
    for _ = 1, auth_module.BUDGET do auth:authenticate("A", "p", false, "A", "no") end
    local began = time.mono_us()
    t.equal((auth:authenticate("A", "p", false, "A", "k")), true)
    t.ok(time.mono_us() - began < 500000)
    t.equal({ auth:authenticate("A", "q", false, "A", "no") }, { false, 401, 0 }, "another address")
    t.ok(time.mono_us() - began < 500000)
    auth:authenticate("A", "p", false, "A", "no")
    t.ok(time.mono_us() - began > 900000)
    auth.addresses.p.late = auth_module.LATE_MAX
    t.equal({ auth:authenticate("A", "p", false, "A", "k") }, { false, 429, 8 }, "too many wait there")
    auth.state:put("cs:A", { peer = "p" })
    t.equal((auth:authenticate("A", "p", false, "A", "k")), true, "but a station known there has its own room")
  end },
  { "tags: as the service wrote them", function(t)
    local ask, redis = tags("accept_known")
    t.equal(ask(nil), { status = "Invalid" })
    t.equal(ask("A"), { status = "Invalid" })
    redis.keys["token:A"] = { status = "Accepted", groupId = "G", expiryTs = tostring(time.now_ms() + 60000) }
    local info = ask("A")
    t.equal({ info.status, info.parentIdTag, type(info.expiryDate) }, { "Accepted", "G", "string" })
    redis.keys["token:A"] = { status = "Accepted", groupId = ("g"):rep(21), expiryTs = "1000" }
    t.equal(ask("A"), { status = "Expired", expiryDate = "1970-01-01T00:00:01.000Z" })
    redis.keys["token:A"] = { status = "Whatever" }
    t.equal(ask("A"), { status = "Invalid" })
  end },
  { "tags without Redis: the policies", function(t)
    for policy, want in pairs { accept_known = { "Accepted", "Blocked", "Invalid" }, reject = { "Invalid", "Invalid",
      "Invalid" },
                                accept_all = { "Accepted", "Blocked", "Accepted" } } do
      local ask, redis = tags(policy)
      redis.keys["token:GOOD"], redis.keys["token:BAD"] = { status = "Accepted" }, { status = "Blocked" }
      ask("GOOD")
      ask("BAD")
      redis.away = true
      t.equal({ ask("GOOD").status, ask("BAD").status, ask("NEW").status }, want, policy)
    end
  end },
  { "a tag that was taken away is forgotten", function(t)
    local ask, redis, state = tags("accept_known")
    redis.keys["token:A"] = { status = "Accepted" }
    ask("A")
    t.ok(state:get("tk:A"))
    redis.keys["token:A"] = nil
    t.equal(ask("A").status, "Invalid")
    redis.away = true
    t.equal(ask("A").status, "Invalid")
  end },
}
