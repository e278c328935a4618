-- api_schema_test.lua - One declaration, many readers: checks of bodies and queries, pages, what is shown.

local fake = require("support.service_host")
local json = require("kw.json")

local function faults(errors)
  local list = {}
  for i, one in ipairs(errors) do list[i] = one.path .. ":" .. one.code end
  table.sort(list)
  return table.concat(list, " ")
end

local function checked(schema_spec, value)
  local errors = {}
  local result = require("kw.check").value(schema_spec, value, "", errors)
  return faults(errors), result
end

return {
  { "a declaration with a mistake stops the start", function(t)
    fake.new()
    local schema = require("kw.schema")
    t.fails(function() schema.object("X", { { "a", "text", doc = "" } }) end, "unknown type")
    t.fails(function() schema.object("X", { { "a", "string" } }) end, "no doc")
    t.fails(function() schema.object("X", { { "a", "string", doc = "", colour = 1 } }) end, "unknown option")
    t.fails(function() schema.object("X", { { "a", "string", doc = "" }, { "a", "string", doc = "" } }) end, "twice")
  end },

  { "bodies", function(t)
    fake.new()
    local schema = require("kw.schema")
    local thing = schema.resource { name = "Thing", plural = "things", collection = "things", fields = {
      { "id", "string", required = true, create_only = true, min_length = 1, max_length = 4, doc = "" },
      { "name", "string", max_bytes = 6, doc = "" },
      { "count", "integer", min = 0, max = 10, default = 3, unit = "W", doc = "" },
      { "ratio", "number", null = true, doc = "" },
      { "when_at", "time", doc = "" },
      { "kind", "string", enum = { "a", "b" }, doc = "" },
      { "parts", schema.array(schema.object("Part", { { "n", "integer", required = true, doc = "" } }),
        { max_items = 2 }),
        doc = "" },
      { "made_at", "time", read_only = true, doc = "" },
      { "secret", "string", hidden = true },
    } }
    local create, patch = schema.for_create(thing), schema.for_patch(thing)
    local errors, result = checked(create, { id = "x", when_at = "2026-01-31T08:00:00.5+02:00", ratio = json.null })
    t.equal(errors, "", "a good one")
    t.equal({ result.count, result.when_at, result.ratio }, { 3, 1769839200500, json.null }, "default, time, null")
    t.equal(checked(create, {}), "id:required", "what is needed")
    t.equal(checked(patch, {}), "", "a patch needs nothing")
    t.equal(checked(patch, { id = "y" }), "id:read-only", "and cannot rename")
    t.equal(checked(create, { id = "x", made_at = "2026-01-01T00:00:00Z" }), "made_at:read-only", "the server's field")
    t.equal(checked(create, { id = "x", secret = "s" }), "secret:unknown-field", "a hidden field does not exist")
    t.equal(checked(create, { id = "x", nonsense = 1 }), "nonsense:unknown-field", "an unknown one")
    t.equal(checked(create, { id = "     " }), "id:length", "too long or blank")
    t.equal(checked(create, { id = "   " }), "id:length", "blank")
    t.equal(checked(create, { id = "a\nb" }), "id:characters", "control characters")
    t.equal(checked(create, { id = "\255" }), "id:type", "not UTF-8")
    t.equal(checked(create, { id = "x", name = "мама" }), "name:length", "too many bytes")
    t.equal(checked(create, { id = "x", count = 11 }), "count:range", "out of range")
    t.equal(checked(create, { id = "x", count = 1.5 }), "count:type", "not whole")
    t.equal(checked(create, { id = "x", count = "1" }), "count:type", "text is no number")
    t.equal(checked(create, { id = "x", count = json.null }), "count:type", "null where there is none")
    t.equal(checked(create, { id = "x", kind = "c" }), "kind:enum", "not in the list")
    t.equal(checked(create, { id = "x", when_at = "2026-01-31T08:00:00" }), "when_at:type", "a time without its zone")
    t.equal(checked(create, { id = "x", parts = { { n = 1 }, {} } }), "parts.1.n:required", "inside an array")
    t.equal(checked(create, { id = "x", parts = { 7 } }), "parts.0:type", "not an object")
    t.equal(checked(create, { id = "x", parts = { { n = 1 }, { n = 2 }, { n = 3 } } }), "parts:items", "too many")
    t.equal(checked(create, { id = "x", parts = {} }), "", "an empty array")
    t.equal(checked(create, json.array({ 1 })), ":type", "an array is no object")
    local many = { id = "x" }
    for i = 1, 200 do many["f" .. i] = 1 end
    local list = {}
    require("kw.check").value(create, many, "", list)
    t.equal(#list, 50, "the list of faults has an end")
  end },

  { "the collection of a resource", function(t)
    fake.new()
    local declared = require("kw.schema").collection(require("api.stations").resource)
    t.equal({ declared.name, declared.key, declared.fields.created_ms.type, declared.fields.tags.type },
      { "stations", "id", "integer", "json" }, "types of the store")
    t.equal({ declared.fields.state, declared.fields.power_w, declared.fields.created_at }, {}, "nothing live")
    t.ok(declared.fields.auth_hash, "hidden fields are stored")
  end },

  { "answers are held against their schema", function(t)
    fake.new()
    local present = require("kw.present")
    local command = require("api.commands").resource
    local out = present.doc(command, { id = "1", station_id = "A", action = "reset", state = "sent", created_ms = 0 })
    t.equal({ out.created_at, out.sent_at, out.confirmed }, { "1970-01-01T00:00:00.000Z", json.null, json.null },
      "shown")
    t.equal(faults(present.faults(command, out)), ".confirmed:missing", "a promise that was not kept")
    out.confirmed, out.state, out.extra = false, "flying", 1
    t.equal(faults(present.faults(command, out)), ".extra:undeclared .state:enum", "and others")
  end },

  { "queries", function(t)
    local host = fake.new():sign_in_administrator()
    for i = 1, 7 do
      host:call("POST", "/stations", { json = { id = "S" .. i, name = "N" .. (i % 3), tags = { "t" .. i % 2 } } })
    end
    local function get(query)
      local status, body = host:call("GET", "/stations" .. query)
      return status, body
    end
    local function refused(query)
      local status, body = get(query)
      return ("%d %s"):format(status, body.code)
    end
    t.equal(refused("?colour=red"), "400 unknown-query", "an unknown name")
    t.equal(refused("?limit=0"), "400 validation", "too few")
    t.equal(refused("?limit=ten"), "400 validation", "no number")
    t.equal(refused("?limit=1&limit=2"), "400 validation", "twice")
    t.equal(refused("?sort=auth_hash"), "400 validation", "a hidden field gives no order")
    t.equal(refused("?status=broken"), "400 validation", "no such state")
    t.equal(refused("?cursor=AAAA"), "400 bad-cursor", "not a cursor")
    local list, cursor, pages = {}, nil, 0
    repeat
      local _, page = get("?limit=3&sort=-name,id" .. (cursor and "&cursor=" .. cursor or ""))
      for _, item in ipairs(page.items) do list[#list + 1] = item.id end
      t.equal(page.total, 7, "the total is of all pages")
      cursor, pages = page.next_cursor, pages + 1
    until cursor == json.null
    t.equal({ pages, table.concat(list, " ") }, { 3, "S2 S5 S1 S4 S7 S3 S6" }, "every row once, in order")
    local _, first = get("?limit=3&sort=-name,id")
    t.equal(refused("?sort=name&cursor=" .. first.next_cursor), "400 bad-cursor", "a cursor of another order")
    local _, tagged = get("?tag=t1&tag=nothing")
    t.equal(tagged.total, 4, "any of the tags")
    local _, both = get("?tag=t1&q=n1")
    t.equal(both.total, 2, "and the text")
    t.equal(select(2, host:call("GET", "/session?x=1")).code, "unknown-query", "where there is none at all")
  end },

  { "repeats", function(t)
    local host = fake.new():sign_in_administrator()
    local function send(key, body)
      return host:call("POST", "/drivers", { json = body, headers = { ["Idempotency-Key"] = key } })
    end
    local status, made = send("client-key-1", { name = "Anna" })
    local again, same, headers = send("client-key-1", { name = "Anna" })
    t.equal({ status, again, same.id, headers["Idempotent-Replay"] }, { 201, 201, made.id, "true" }, "the same answer")
    t.equal(select(2, send("client-key-1", { name = "Boris" })).code, "idempotency-conflict", "another body")
    t.equal((send("client-key-1 ", { name = "Anna" })), 400, "a bad key")
    t.equal((send("client-key-2", { name = "" })), 422, "a refused body")
    t.equal((send("client-key-2", { name = "Anna" })), 201, "takes no key")
    t.equal(select(2, host:call("GET", "/drivers")).total, 2, "two drivers in all")
    local kept = json.encode(host.store.collections.idempotency.docs)
    t.ok(not kept:find("Anna", 1, true) and not kept:find("client-key-1", 1, true), "sealed")
    for _, doc in pairs(host.store.collections.idempotency.docs) do doc.created_ms = 1 end
    t.equal((send("client-key-1", { name = "Boris" })), 201, "a day later it is a new key")
  end },
}
