-- lua_types.lua - Writes lua/types/kw.lua: `---@meta` declarations of what C offers to the core Lua.
--
-- The one idea: a binding's comment in C («store.find(name, id?) -> row | nil. Suspends.») is its only
-- description; the declarations for editors are made from it, and a test compares both, so that neither a
-- function without a declaration nor a declaration without a function can stay.
--
-- usage: lua5.4 tools/lua_types.lua [--check]      --check: exit status 1 when the file is not up to date

local M = {}

M.target = "lua/types/kw.lua"

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("a")
  file:close()
  return text
end

-- The comment that ends right before `at`, as one line, or nil.
local function comment_before(text, at)
  local head = text:sub(1, at - 1)
  if not head:find("%*/%s*$") then return nil end
  local from, next_from = nil, head:find("/*", 1, true)
  while next_from do
    from, next_from = next_from, head:find("/*", next_from + 2, true)
  end
  local words = head:sub(from + 2):gsub("%*/%s*$", ""):gsub("\n%s*%*%s?", " "):gsub("%s+", " ")
  return (words:gsub("^%s+", ""):gsub("%s+$", ""))
end

--- Functions that C registers: module -> { name -> comment or "" }.
---@param files string[] C sources
function M.bindings(files)
  local modules = {}
  for _, path in ipairs(files) do
    local text = read(path) or error(path)
    local tables = {}
    for at, name, body in text:gmatch("()luaL_Reg%s+([%w_]+)%[%]%s*=%s*(%b{})") do
      tables[#tables + 1] = { name = name, body = body, at = at }
    end
    for at, call in text:gmatch('()kw_host_module(%b());') do
      local wanted, list = call:match('^%([^,]-,%s*([^,]+),%s*([%w_]+)')
      local module = wanted and wanted:match('^"([%w_.]+)"$') or wanted == "module_name" and "kw.routes" or nil
      local nearest
      for _, one in ipairs(tables) do
        if one.name == list and one.at < at then nearest = one end
      end
      if module and nearest then
        local functions = modules[module] or {}
        for fn, c in nearest.body:gmatch('{%s*"([%w_]+)",%s*([%w_]+)%s*}') do
          local place = text:find("static int " .. c .. "%(lua_State %*L%)%s*{")
          functions[fn] = place and comment_before(text, place) or ""
        end
        modules[module] = functions
      end
    end
  end
  return modules
end

local STRINGS = {}
for name in ([[text url name id uid path password hash secret bytes key method pattern topic detail words reason doc
  labels_text cs session_id account_id driver_id driver_name node_id ancestor_id parent_id kind station_id json a b
  owner_account_id connector_id_text slug]]):gmatch("%S+") do STRINGS[name] = true end
local NUMBERS = { n = "integer", ms = "integer", seconds = "number", code = "integer", handle = "any" }

local function type_of(name)
  if STRINGS[name] then return "string" end
  if NUMBERS[name] then return NUMBERS[name] end
  if name == "fn" or name == "handler" then return "function" end
  if name == "table" or name == "options" or name == "fields" or name == "record" or name == "value" then
    return name == "value" and "any" or "table"
  end
  return "any"
end

-- Parameters of «name(a, b?, {x?, y})»: names, and for annotations whether they may be absent.
local function parameters(comment, module, fn)
  local short = module:match("([%w_]+)$")
  local list = comment:match(short .. "%." .. fn .. "%s*(%b())") or comment:match("[%w_]+%." .. fn .. "%s*(%b())")
  if not list then
    local options = comment:match("[%w_]+%." .. fn .. "%s*%b{}")
    if options then return { { name = "options", kind = "table" } } end
    return { { name = "...", kind = "any" } }
  end
  local result = {}
  local flat = list:sub(2, -2):gsub("%b{}", "options"):gsub("%b[]", "")
  for part in flat:gmatch("[^,]+") do
    local name, mark = part:match("^%s*([%w_.]+)%s*(%??)")
    if part:find("%.%.%.") then
      result[#result + 1] = { name = "...", kind = "any" }
    elseif name then
      local optional = mark == "?" or part:find("|nil") or part:find("| nil")
      name = name:gsub("%W", "_")
      if name == "function" or name == "end" then name = name .. "_name" end
      result[#result + 1] = { name = name, kind = type_of(name), optional = optional and true or false }
    end
  end
  return result
end

local function wrap(text, width)
  local lines, line = {}, ""
  for word in text:gmatch("%S+") do
    if #line + #word + 1 > width then
      lines[#lines + 1] = line
      line = word
    else
      line = line == "" and word or line .. " " .. word
    end
  end
  lines[#lines + 1] = line
  return lines
end

local function declare(out, module, fn, comment)
  local class = module:gsub("%.", "_")
  local words = comment:gsub("%s*%[?Stack %[.-%]%.?", ""):gsub("%s*%[%-%d+, %+[%d|n]+%]%.?", "")
  for _, line in ipairs(wrap(words, 112)) do
    if line ~= "" then out[#out + 1] = "--- " .. line end
  end
  local names = {}
  for _, one in ipairs(parameters(comment, module, fn)) do
    names[#names + 1] = one.name
    local optional = one.optional and "?" or ""
    out[#out + 1] = ("---@param %s%s %s"):format(one.name, optional, one.kind)
  end
  local results = comment:match("%->%s*(.-)[.:;]") or comment:match("%->%s*(.*)$")
  if results then out[#out + 1] = "---@return any ..." end
  out[#out + 1] = ("function %s.%s(%s) end"):format(class, fn, table.concat(names, ", "))
  out[#out + 1] = ""
end

local function sorted(map)
  local names = {}
  for name in pairs(map) do names[#names + 1] = name end
  table.sort(names)
  return names
end

--- The text of the declarations.
function M.text(modules)
  local out = {
    "---@meta",
    "-- kw.lua - what C offers to the core Lua, for editors. Made by tools/lua_types.lua from the comments in",
    "-- core/app/bind_*.c and core/script/modules.c: change those. Each module is taken with require(\"NAME\").", "",
  }
  for _, module in ipairs(sorted(modules)) do
    local class = module:gsub("%.", "_")
    out[#out + 1] = ("---@class %s"):format(module)
    out[#out + 1] = ("local %s = {}"):format(class)
    out[#out + 1] = ""
    for _, fn in ipairs(sorted(modules[module])) do declare(out, module, fn, modules[module][fn]) end
  end
  return table.concat(out, "\n")
end

--- C sources that register modules.
function M.sources()
  local files = {}
  for _, folder in ipairs({ "core/app", "core/script" }) do
    local list = assert(io.popen("ls " .. folder .. "/*.c"))
    for path in list:lines() do files[#files + 1] = path end
    list:close()
  end
  return files
end

function M.main(argument)
  local text = M.text(M.bindings(M.sources()))
  if argument == "--check" then
    if read(M.target) == text then
      print(M.target .. ": up to date")
      return 0
    end
    io.stderr:write(M.target, ": not up to date with the comments in C; run ./kw lint --fix\n")
    return 1
  end
  local file = assert(io.open(M.target, "wb"))
  file:write(text)
  file:close()
  return 0
end

if arg and arg[0] and arg[0]:find("lua_types%.lua$") then os.exit(M.main(arg[1])) end

return M
