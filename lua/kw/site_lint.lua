-- site_lint.lua - What can be said about a site's script without running it: for `kilowatch check`.
--
-- The text is compiled, and the compiled form tells which globals each line reads and writes: the compiler has
-- resolved locals and upvalues already, so nothing is guessed. What is not in the list of lua-api.md is a
-- problem with its line. The format is Lua 5.4's; another one is said to be unknown rather than misread.

local M = {}

-- What every site file sees (docs/lua-api.md); the sandbox test holds the same list against the host.
M.seen = {}
for name in ([[
  assert coroutine error getmetatable ipairs kw load math next os pairs pcall rawequal rawget rawlen rawset require
  select setmetatable string table tonumber tostring type utf8 xpcall
]]):gmatch("%S+") do M.seen[name] = true end

local HINTS = {
  print = "use kw.log.info", io = "sites have no files", debug = "not for sites", package = "use require",
  dofile = "use require", loadfile = "use require", collectgarbage = "memory is the host's", _G = "use a local",
  loadstring = "use load", unpack = "use table.unpack", setfenv = "use load with an environment",
}

local GETTABUP, SETTABUP = 11, 15
local HEAD = "\27Lua\x54\x00\x19\x93\r\n\x1a\n\4\8\8"

--- A reader over the bytes of string.dump.
local function reader(bytes)
  local at = 1
  local r = {}
  function r.unpack(format)
    local value
    value, at = string.unpack(format, bytes, at)
    return value
  end
  function r.byte() return r.unpack("B") end
  function r.size()
    local value = 0
    while true do
      local byte = r.byte()
      value = (value << 7) | (byte & 0x7f)
      if byte & 0x80 ~= 0 then return value end
    end
  end
  function r.text()
    local length = r.size()
    if length == 0 then return nil end
    local text = bytes:sub(at, at + length - 2)
    at = at + length - 1
    return text
  end
  function r.skip(count) at = at + count end
  return r
end

local function read_constants(r)
  local constants = {}
  for i = 0, r.size() - 1 do
    local kind = r.byte()
    if kind == 0x13 or kind == 0x03 then
      r.skip(8)
    elseif kind == 0x04 or kind == 0x14 then
      constants[i] = r.text()
    end
  end
  return constants
end

local read_function

-- Line of each instruction: a small step each, or an absolute one where it did not fit.
local function read_lines(r, first_line)
  local steps = {}
  for i = 0, r.size() - 1 do steps[i] = r.unpack("b") end
  local absolute = {}
  for _ = 1, r.size() do
    local pc = r.size()
    absolute[pc] = r.size()
  end
  local lines, line = {}, first_line
  for pc = 0, #steps do
    if steps[pc] == -128 then line = absolute[pc] or line elseif steps[pc] then line = line + steps[pc] end
    lines[pc] = line
  end
  return lines
end

function read_function(r, found, inner)
  r.text() -- source
  local first_line = r.size()
  r.size() -- last line
  r.skip(3)
  local code = {}
  for i = 0, r.size() - 1 do code[i] = r.unpack("<I4") end
  local constants = read_constants(r)
  local upvalues = r.size()
  r.skip(upvalues * 3)
  for _ = 1, r.size() do read_function(r, found, true) end
  local lines = read_lines(r, first_line)
  for _ = 1, r.size() do -- locals
    r.text()
    r.size()
    r.size()
  end
  local names = {}
  for i = 0, r.size() - 1 do names[i] = r.text() end
  for pc = 0, #code do
    local word = code[pc] or 0
    local op, a, b, c = word & 0x7f, (word >> 7) & 0xff, (word >> 16) & 0xff, (word >> 24) & 0xff
    if op == GETTABUP and names[b] == "_ENV" then
      found[#found + 1] = { name = constants[c], line = lines[pc], write = false }
    elseif op == SETTABUP and names[a] == "_ENV" then
      found[#found + 1] = { name = constants[b], line = lines[pc], write = true, inner = inner }
    end
  end
end

--- Globals that a compiled function and those inside it name.
---@param chunk function
---@return {name: string, line: integer, write: boolean}[]|nil found
---@return string? why
function M.globals(chunk)
  local bytes = string.dump(chunk, false)
  if bytes:sub(1, #HEAD) ~= HEAD then return nil, "the globals of this Lua's compiled form are not known" end
  local r, found = reader(bytes), {}
  r.skip(#HEAD + 16 + 1)
  read_function(r, found)
  table.sort(found, function(x, y) return x.line < y.line or x.line == y.line and x.name < y.name end)
  return found
end

local function at(file, line, words) return ("%s:%d: %s"):format(file, line, words) end

--- Problems of one script's text, each "file:line: what; what to do".
---@param file string as it is shown
---@param text string
---@return string[] problems
---@return string[] warnings
function M.check(file, text)
  local problems, warnings = {}, {}
  local first = text:gsub("^\xEF\xBB\xBF", ""):match("^[^\r\n]*")
  if not first:find("^%-%-%%%s*api%s*:") then
    warnings[1] = at(file, 1, "the first line does not name the API version; write --% api: 1")
  end
  local chunk, why = load(text, "@" .. file, "t")
  if not chunk then return { why .. "; the file is not used until this is mended" }, warnings end
  local found, unknown = M.globals(chunk)
  if not found then return problems, { at(file, 1, unknown) } end
  local written, told = {}, {}
  for _, global in ipairs(found) do
    if global.write then written[global.name] = true end
  end
  for _, global in ipairs(found) do
    local key = global.name .. ":" .. global.line
    if global.write and global.inner and not told[key] then
      problems[#problems + 1] = at(file, global.line, ("sets the global '%s' after load, which is refused; write local")
        :format(global.name))
    elseif global.write and not told[key] then
      warnings[#warnings + 1] = at(file, global.line, ("sets the global '%s'; write local"):format(global.name))
    elseif not M.seen[global.name] and not written[global.name] and not told[key] then
      local hint = HINTS[global.name] or "misspelt, or a missing local?"
      problems[#problems + 1] = at(file, global.line, ("unknown global '%s'; %s"):format(global.name, hint))
    end
    told[key] = true
  end
  return problems, warnings
end

local function line_of(text, what)
  local line = 1
  for one in (text .. "\n"):gmatch("(.-)\n") do
    if one:find(what, 1, true) then return line end
    line = line + 1
  end
  return 1
end

-- The nearest of the known names, to be told with an unknown one.
local function list(names)
  table.sort(names)
  return table.concat(names, " ")
end

--- Declared roles against the rights and roles that exist.
---@param file string
---@param text string
---@param roles any what the policy declares
---@param rights string[]
---@return string[] problems
function M.check_roles(file, text, roles, rights)
  local problems, known = {}, { ["*"] = true }
  for _, right in ipairs(rights) do known[right] = true end
  if roles == nil then return problems end
  if type(roles) ~= "table" then return { at(file, line_of(text, "roles"), "roles must be a table of roles by id") } end
  for id, role in pairs(roles) do
    local line = line_of(text, tostring(id))
    if type(role) ~= "table" or type(role.grants or {}) ~= "table" then
      problems[#problems + 1] = at(file, line, ("role '%s' must be a table with grants"):format(tostring(id)))
    else
      for _, grant in ipairs(role.grants or {}) do
        local right = type(grant) == "table" and grant.right or grant
        if not known[right] then
          problems[#problems + 1] = at(file, line_of(text, tostring(right)), ("role '%s' grants the unknown right " ..
            "'%s'; there are: %s"):format(id, tostring(right), list({ table.unpack(rights) })))
        end
      end
      if role.extends ~= nil and not roles[role.extends] and role.extends ~= "administrator" then
        problems[#problems + 1] = at(file, line, ("role '%s' extends '%s', which is no role of this file"):format(id,
          tostring(role.extends)))
      end
    end
  end
  table.sort(problems)
  return problems
end

local TYPES = { number = "number", integer = "number", string = "string", boolean = "boolean" }

--- A table of options as style.md 20 wants it.
---@return string[] problems
function M.check_options(file, text, options)
  local problems = {}
  if options == nil then return problems end
  if type(options) ~= "table" then return { at(file, line_of(text, "options"), "options must be a table") } end
  for name, option in pairs(options) do
    local line, say = line_of(text, tostring(name)), nil
    local kind = type(option) == "table" and TYPES[option.type]
    if not kind then
      say = "needs type = \"number\", \"integer\", \"string\" or \"boolean\""
    elseif option.default == nil then
      say = "needs a default"
    elseif type(option.default) ~= kind or option.type == "integer" and math.type(option.default) ~= "integer" then
      say = "has a default of another type"
    elseif kind == "number" and ((option.min and option.default < option.min)
        or (option.max and option.default > option.max)) then
      say = "has a default outside of min..max"
    elseif not (option.title or option.doc) then
      say = "needs a title (or doc): people see it"
    end
    if say then problems[#problems + 1] = at(file, line, ("option '%s' %s"):format(tostring(name), say)) end
  end
  table.sort(problems)
  return problems
end

return M
