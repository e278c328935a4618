-- site_check.lua - `kilowatch check`: every script of a site is compiled, linted, loaded and tested.
--
-- One line a problem: FILE:LINE: what; what to do. Warnings start with «warning:» and do not count. The
-- scripts run in the same sandbox as in the service; nothing here has an effect outside.

local check = require("kw.checking")
local lint = require("kw.site_lint")
local rights = require("kw.rights")
local site = require("kw.site")

local M = {}

local function read(path)
  local file <close>, why = io.open(path, "rb")
  if not file then return nil, why end
  return file:read("a")
end

local function first_line(text) return (text:match("^[^\n]*")) end

local function tests_of(name, tell, at)
  local names, why = check.load_test(name)
  if not names then return tell(first_line(at(why))), 0 end
  if #names == 0 then tell(at(name .. ":1: returns no test; return { [\"what it shows\"] = function() ... end }")) end
  for _, test in ipairs(names) do
    local ok, words = check.run_test(name, test)
    if not ok then tell(("%s; test '%s' of %s fails"):format(first_line(at(words)), test, name)) end
  end
  return #names
end

--- Check the folder.
---@param dir string
---@param print fun(line: string)
---@return integer problems
---@return integer files
---@return integer tests
function M.run(dir, print)
  local said, problems, tests = {}, 0, 0
  local function at(words) return dir .. "/" .. words end
  local function tell(line)
    local place = line:match("^(.-:%d+:)") or line
    if said[place] then return end
    said[place] = true
    problems = problems + 1
    print(line)
  end
  local files = check.files()
  for _, name in ipairs(files) do
    local text, why = read(dir .. "/" .. name)
    local found, warnings = { why }, {}
    if text then found, warnings = lint.check(at(name), text) end
    for _, line in ipairs(found) do tell(line) end
    for _, line in ipairs(warnings) do print("warning: " .. line) end
    local entry = name:match("^(.+)%.lua$")
    local options = text and site.value(entry, "options")
    for _, line in ipairs(lint.check_options(at(name), text or "", options)) do tell(line) end
  end
  for _, problem in ipairs(check.problems()) do
    tell(problem.file == "" and problem.text or at(problem.text) .. "; the shipped one serves until this is mended")
  end
  local policy = "policies/permissions"
  local roles = site.value(policy, "roles")
  if roles ~= nil then
    local name = policy .. ".lua"
    local text = read(dir .. "/" .. name) or ""
    for _, line in ipairs(lint.check_roles(at(name), text, roles, rights.list)) do tell(line) end
  end
  for _, name in ipairs(files) do
    if name:find("^tests/.+_test%.lua$") then tests = tests + tests_of(name, tell, at) end
  end
  return problems, #files, tests
end

return M
