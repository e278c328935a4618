-- house_rules.lua - The rules of the house that no ready-made linter knows.
--
-- Refused: a source without a head comment, a file of more than 600 lines, a banned C function, a
-- note to oneself (the usual four-letter words) left in the code, a tab or a blank at a line's
-- end. Reported only: a function of more than 60 lines, because splitting one well is a matter of
-- judgement. Layout is clang-format's, names and globals are luacheck's, includes layers.lua's.
--
-- Each rule is one small function from a file to its faults, so that a test can plant a fault.
--
-- usage: lua5.4 tools/house_rules.lua     reads the tree below; status 1 when something is refused

local rules = {}

local FILE_LINES_MAX = 600
local FUNCTION_LINES_MAX = 60
local BANNED = { "strcpy", "strcat", "sprintf", "vsprintf", "strtok", "atoi", "atol", "gets", "localtime" }
local NOTES = { "TO" .. "DO", "FIX" .. "ME", "XX" .. "X", "HA" .. "CK" }

---@class kw.Source
---@field path string
---@field kind "c"|"lua"|"ts"|"sh"
---@field lines string[]

local KINDS = { c = "c", h = "c", lua = "lua", ts = "ts", tsx = "ts", mjs = "ts", sh = "sh", awk = "sh" }

---@return kw.Source
function rules.source(path, text)
  local lines = {}
  for line in (text:gsub("\n$", "") .. "\n"):gmatch("(.-)\n") do lines[#lines + 1] = line end
  return { path = path, kind = KINDS[path:match("%.(%w+)$") or "sh"] or "sh", lines = lines }
end

-- C text with comments and strings blanked, line by line, so that words in them do not count.
local function bare_c(lines)
  local text = table.concat(lines, "\n")
  local out, at = {}, 1
  while at <= #text do
    local two, one = text:sub(at, at + 1), text:sub(at, at)
    local stop
    if two == "/*" then
      stop = select(2, text:find("*/", at + 2, true)) or #text
    elseif two == "//" then
      stop = (text:find("\n", at, true) or #text + 1) - 1
    elseif one == '"' or one == "'" then
      stop = at + 1
      while stop <= #text and text:sub(stop, stop) ~= one do
        stop = stop + (text:sub(stop, stop) == "\\" and 2 or 1)
      end
    end
    if stop then
      out[#out + 1] = text:sub(at, stop):gsub("[^\n]", " ")
      at = stop + 1
    else
      out[#out + 1] = one
      at = at + 1
    end
  end
  local bare = {}
  for line in (table.concat(out) .. "\n"):gmatch("(.-)\n") do bare[#bare + 1] = line end
  return bare
end

local function fault(list, source, number, ...)
  list[#list + 1] = ("%s:%d: %s"):format(source.path, number, (...):format(select(2, ...)))
end

local OPENERS = { c = { "^/%*" }, lua = { "^%-%-" }, ts = { "^/%*", "^//" }, sh = { "^# " } }

--- Every file opens with a comment that says what it is for.
function rules.head_comment(source, faults)
  local first = source.lines[1] or ""
  if first:find("^#!") then first = source.lines[2] or "" end
  for _, pattern in ipairs(OPENERS[source.kind]) do
    if first:find(pattern) then return end
  end
  fault(faults, source, 1, "no head comment: say what the file is for and what it leaves out")
end

--- A generated file (NAME.gen.ts) is as long as what it is generated from.
function rules.file_length(source, faults)
  if source.path:find("%.gen%.ts$") then return end
  if #source.lines > FILE_LINES_MAX then
    fault(faults, source, FILE_LINES_MAX, "%d lines, split it (%d at most)", #source.lines, FILE_LINES_MAX)
  end
end

function rules.banned_functions(source, faults)
  if source.kind ~= "c" then return end
  for number, line in ipairs(bare_c(source.lines)) do
    for _, name in ipairs(BANNED) do
      if line:find("%f[%w_]" .. name .. "%s*%(") then fault(faults, source, number, "%s() is banned", name) end
    end
  end
end

function rules.notes_and_blanks(source, faults)
  for number, line in ipairs(source.lines) do
    for _, word in ipairs(NOTES) do
      if line:find("%f[%w_]" .. word .. "%f[^%w_]") then
        fault(faults, source, number, "'%s': do it, or make it an issue", word)
      end
    end
    if line:find("\t") and source.kind ~= "sh" then fault(faults, source, number, "a tab") end
    if line:find("[ \r]$") then fault(faults, source, number, "a blank at the end of the line") end
  end
end

-- A body begins after a line that opens it in the first column and ends where that column closes.
local BODIES = {
  c = { first = "^{", last = "^}" },
  lua = { first = "^%s?%s?local function |^function |^local function ", last = "^end" },
}

--- Long functions are told, not refused.
function rules.function_length(source, reports)
  local body = BODIES[source.kind]
  if not body then return end
  local opened
  for number, line in ipairs(source.lines) do
    if not opened then
      for pattern in body.first:gmatch("[^|]+") do
        if line:find(pattern) then opened = number end
      end
      if opened == number and source.kind == "lua" and line:find("%f[%w]end%s*%)?$") then opened = nil end
    elseif line:find(body.last) then
      local length = number - opened + 1
      if length > FUNCTION_LINES_MAX + 2 then
        fault(reports, source, opened, "a function of %d lines (%d wanted)", length, FUNCTION_LINES_MAX)
      end
      opened = nil
    end
  end
end

--- All refusals and reports of one file.
function rules.check(source)
  local faults, reports = {}, {}
  rules.head_comment(source, faults)
  rules.file_length(source, faults)
  rules.banned_functions(source, faults)
  rules.notes_and_blanks(source, faults)
  rules.function_length(source, reports)
  return faults, reports
end

local FIND = [[find kw .ci core lua tests tools examples web/src web/tests -type f \( -name '*.c' -o
  -name '*.h' -o -name '*.lua' -o -name '*.ts' -o -name '*.tsx' -o -name '*.mjs' -o -name '*.sh' -o
  -path kw -o -path '.ci/run' -o -path tools/clean-room \) ! -path '*/node_modules/*' 2>/dev/null |
  LC_ALL=C sort]]

local function main()
  local files, refused, reported = 0, 0, 0
  local list <close> = assert(io.popen((FIND:gsub("\n", " "))))
  for path in list:lines() do
    local file <close> = assert(io.open(path, "rb"))
    local faults, reports = rules.check(rules.source(path, file:read("a")))
    files, refused, reported = files + 1, refused + #faults, reported + #reports
    for _, text in ipairs(faults) do io.stderr:write(text, "\n") end
    for _, text in ipairs(reports) do print("note: " .. text) end
  end
  print(("house rules: %d files, %d refused, %d notes"):format(files, refused, reported))
  os.exit(refused == 0 and files > 0)
end

if arg and arg[0] and arg[0]:find("house_rules%.lua$") then main() end

return rules
