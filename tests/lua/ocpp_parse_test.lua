-- ocpp_parse_test.lua - what stations write, read leniently; clocks; quirks.

local clock = require "ocpp.clock"
local json = require "kw.json"
local parse = require "ocpp.parse"
local quirks = require "ocpp.quirks"
local time = require "kw.time"

local T0 = 1800000000000
local function text(ms) return time.rfc3339(ms) end

return {
  { "numbers in any dress", function(t)
    t.equal(parse.integer("12"), 12)
    t.equal(parse.integer(12.6), 13)
    t.equal(parse.integer("x"), nil)
    t.equal(parse.integer(json.null), nil)
    t.equal(parse.integer(0 / 0), nil)
    t.equal(parse.integer(1e300), nil)
    t.equal(parse.number("1,5"), 1.5)
    t.equal(parse.number(""), nil)
    t.equal(parse.number("nan"), nil)
    t.equal(parse.number(math.huge), nil)
    t.equal(parse.register_wh(-1), nil)
    t.equal(parse.register_wh("100.4"), 100)
  end },
  { "text is cut at whole characters, tags are compared in upper case", function(t)
    t.equal({ parse.text("abc", 2) }, { "ab", true })
    t.equal({ parse.text("aé", 2) }, { "a", true })
    t.equal(parse.text({}, 5), nil)
    t.equal(parse.text(5, 5), "5")
    t.equal(parse.id_tag(" dead beef "), "DEAD BEEF")
    t.equal(parse.id_tag("  "), nil)
    t.equal(parse.id_tag(json.null), nil)
  end },
  { "moments: live, queued, in the future, long ago, no time at all", function(t)
    t.equal({ parse.moment(text(T0 - 1000), T0) }, { T0 - 1000, false, nil })
    t.equal({ parse.moment(text(T0 - 120000), T0) }, { T0 - 120000, true, nil })
    t.equal({ parse.moment(text(T0 + 3600000), T0) }, { T0, false, "clock" })
    t.equal({ parse.moment("1970-01-01T00:00:00Z", T0) }, { T0, false, "clock" })
    t.equal({ parse.moment("soon", T0) }, { T0, false, "clock" })
    t.equal({ parse.moment(nil, T0) }, { T0, false, nil })
    t.equal({ parse.moment(5, T0) }, { T0, false, "clock" })
  end },
  { "a clock that is hours off is learned from three messages that keep their distance", function(t)
    local one, off = clock.new(), 3 * 3600000
    for i = 0, 2 do t.equal(select(3, one:moment(text(T0 + i * 10000 + off), T0 + i * 10000)), "clock") end
    local at, queued, flag = one:moment(text(T0 + off - 600000), T0 + 40000)
    t.equal({ at, queued, flag }, { T0 - 600000, true, "clock" }, "a queued message at its true time")
    t.equal({ one:moment(text(T0 + 50000 + off), T0 + 50000) }, { T0 + 50000, false, "clock" })
    t.equal({ one:moment(text(T0 + 60000), T0 + 60000) }, { T0 + 60000, false, nil }, "the clock was set")
    t.equal(one.offset_ms, 0)
  end },
  { "a clock behind is not taken for a queue, a flushed queue not for a clock", function(t)
    local behind = clock.new()
    for i = 0, 2 do behind:moment(text(T0 + i * 10000 - 7200000), T0 + i * 10000) end
    t.equal({ behind:moment(text(T0 + 30000 - 7200000), T0 + 30000) }, { T0 + 30000, false, "clock" })
    local queue = clock.new()
    for i = 0, 9 do -- samples of each minute, sent every six seconds
      local at, old = queue:moment(text(T0 - 3600000 + i * 60000), T0 + i * 6000)
      t.equal({ at, old }, { T0 - 3600000 + i * 60000, true })
    end
    local burst = clock.new()
    for i = 0, 9 do burst:moment(text(T0 - 3600000), T0 + i * 10) end
    t.equal(burst.offset_ms, 0, "messages close together prove nothing")
  end },
  { "quirks: data, checked when a site brings them", function(t)
    t.fails(function() quirks.set_site { { vendor = "[" } } end, "vendor is not a Lua pattern")
    t.fails(function() quirks.set_site { { scale = { Voltage = "x" } } } end, "scale of Voltage")
    t.fails(function() quirks.set_site { 5 } end, "entry 1")
    quirks.set_site { { vendor = "^acme", firmware = "^1%.", scale = { Voltage = 0.1 } },
                    { vendor = "acme", model = "two", ping = false } }
    t.equal(quirks.of { vendor = "ACME", model = "Two", firmware = "1.2" }, { scale = { Voltage = 0.1 }, ping = false })
    t.equal(quirks.of { vendor = "ACME", model = "One", firmware = "2.0" }, {})
    t.equal(quirks.of {}, {})
    t.fails(function() quirks.set_site { { vendor = "x", scale = { SoC = -1 } } } end, "scale of SoC")
    t.equal(quirks.of({ vendor = "ACME", firmware = "1.0" }).scale, { Voltage = 0.1 }, "those of before stay")
    quirks.set_site {}
    t.equal(quirks.of { vendor = "ACME", firmware = "1.0" }, {})
  end },
}
