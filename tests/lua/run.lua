-- run.lua - runs the Lua tests: every tests/lua/*_test.lua, or the files named as arguments.
--
--     kilowatch run tests/lua/run.lua [FILE...]
--
-- A test file returns a list of { "what it shows", function(t) ... end }. Tests run one after the other,
-- each as a part of this program's task, so that they may wait. The last line is «N checks, M failed»; the
-- status is 1 when a check failed or a file ran none.

local here = package.path:match("^[^?]*")

local checks, failures = 0, 0

local function show(value, depth)
  depth = depth or 0
  if type(value) ~= "table" then return type(value) == "string" and ("%q"):format(value) or tostring(value) end
  if depth > 4 then return "{...}" end
  local parts = {}
  for name, item in pairs(value) do
    local key = type(name) == "string" and name or "[" .. tostring(name) .. "]"
    parts[#parts + 1] = key .. "=" .. show(item, depth + 1)
  end
  table.sort(parts)
  return "{" .. table.concat(parts, ", ") .. "}"
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for name, value in pairs(a) do
    if not same(value, b[name]) then return false end
  end
  for name in pairs(b) do
    if a[name] == nil then return false end
  end
  return true
end

local function failed(name, text)
  failures = failures + 1
  io.stdout:write("FAILED ", name, "\n  ", text, "\n")
end

-- The tools that a test gets. A failed check is told with its line and the test goes on.
local function tools(name)
  local t = {}
  local function check(good, text)
    checks = checks + 1
    if good then return true end
    local info = debug.getinfo(3, "Sl")
    failed(name, ("%s:%d: %s"):format(info.short_src, info.currentline, text))
    return false
  end
  --- Deep equality.
  function t.equal(got, want, what)
    return check(same(got, want), ("%s: got %s, want %s"):format(what or "equal", show(got), show(want)))
  end
  function t.ok(value, what) return check(value, what or "not true: " .. show(value)) end
  --- `action` raises an error that has `pattern` in it (plain text).
  function t.fails(action, pattern)
    local ok, why = pcall(action)
    return check(not ok and tostring(why):find(pattern, 1, true),
                 ok and "no error was raised" or "another error: " .. tostring(why))
  end
  return t
end

local function test_files(...)
  if select("#", ...) > 0 then return { ... } end
  local list, pipe = {}, assert(io.popen("LC_ALL=C ls '" .. here .. "'*_test.lua"))
  for line in pipe:lines() do list[#list + 1] = line end
  pipe:close()
  return list
end

for _, file in ipairs(test_files(...)) do
  local before = checks
  local ok, tests = xpcall(dofile, debug.traceback, file)
  if not ok then
    failed(file, tests)
  else
    for _, test in ipairs(tests) do
      local name = file:match("[^/]*$") .. ": " .. test[1]
      local ran, why = xpcall(test[2], debug.traceback, tools(name))
      if not ran then failed(name, why) end
    end
    if checks == before then failed(file, "ran no check") end
  end
end
print(("%d checks, %d failed"):format(checks, failures))
return failures == 0 and 0 or 1
