-- types_test.lua - What C offers to Lua and what lua/types says are the same; docs/lua-api.md lists what a site sees.
package.path = "tools/?.lua;" .. package.path
local lua_types = require("lua_types")
local lint = require("kw.site_lint")

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

local function sorted(set)
  local names = {}
  for name in pairs(set) do names[#names + 1] = name end
  table.sort(names)
  return table.concat(names, " ")
end

return {
  { "every function that C registers has a declaration, and the other way round", function(t)
    local modules = lua_types.bindings(lua_types.sources())
    local offered, declared, count = {}, {}, 0
    for module, functions in pairs(modules) do
      for name in pairs(functions) do
        offered[module .. "." .. name] = true
        count = count + 1
      end
    end
    local module
    for line in read("lua/types/kw.lua"):gmatch("[^\n]+") do
      module = line:match("^%-%-%-@class ([%w_.]+)") or module
      local class, name = line:match("^function ([%w_]+)%.([%w_]+)%(")
      if class then declared[module .. "." .. name] = true end
    end
    t.ok(count > 60, "the sources were understood: " .. count)
    t.equal(sorted(declared), sorted(offered), "lua/types/kw.lua against C")
    t.equal(read("lua/types/kw.lua") == lua_types.text(modules), true,
      "lua/types/kw.lua is up to date (lua5.4 tools/lua_types.lua)")
  end },

  { "every function has its comment in C", function(t)
    for module, functions in pairs(lua_types.bindings(lua_types.sources())) do
      for name, comment in pairs(functions) do t.ok(comment ~= "", module .. "." .. name .. " has no comment") end
    end
  end },

  { "the host of this program has what the declarations say", function(t)
    for module, functions in pairs(lua_types.bindings(lua_types.sources())) do
      local open = package.preload[module]
      local real = open and debug.getinfo(open, "S").what == "C" -- another test may have put its own there
      local loaded = real and open() or {}
      for name in pairs(real and functions or {}) do
        t.equal(type(loaded[name]), "function", module .. "." .. name)
      end
    end
  end },

  { "docs/lua-api.md lists what a site sees", function(t)
    local section = read("docs/lua-api.md"):match("## What a file sees\n\n(.-)\n\n")
    local listed = {}
    for name in section:gmatch("`([%w_]+)`") do listed[name] = true end
    t.equal(sorted(listed), sorted(lint.seen), "docs against the linter")
  end },

  { "a linter that cannot fail would be none", function(t)
    local problems = lint.check("x.lua", "--% api: 1\nlocal function f()\n  y = prnt(1)\nend\nreturn f\n")
    t.equal(problems, { "x.lua:3: unknown global 'prnt'; misspelt, or a missing local?",
      "x.lua:3: sets the global 'y' after load, which is refused; write local" }, "place and words")
    t.equal(lint.check("x.lua", "--% api: 1\nreturn string.format('%d', kw.now())\n"), {}, "nothing to say")
  end },
}
