-- setup_code.lua - The code with which the first administrator is made.
--
-- Printed once at start and kept in DATA/setup-code (mode 0600) while no administrator exists. It is new
-- at each start and dies with the setup.

local crypto = require("kw.crypto")
local settings = require("kw.settings")
local log = require("kw.log")

local M = {}

local LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ" -- none that look alike
local code

local function make()
  local groups = {}
  for group = 1, 3 do
    local letters = {}
    for i = 1, 4 do
      local at = crypto.random_below(#LETTERS) + 1
      letters[i] = LETTERS:sub(at, at)
    end
    groups[group] = table.concat(letters)
  end
  return table.concat(groups, "-")
end

--- Make, print and write the code.
function M.create()
  code = make()
  local done, _, words = settings.write_private("setup-code", code .. "\n")
  if not done then log.error("setup-code not written", { reason = tostring(words) }) end
  io.stdout:write("setup code: ", code, "\n")
  io.stdout:flush()
end

function M.current() return code end

--- Is it the code? Blanks, dashes and small letters do not matter.
function M.is(text)
  local function bare(word) return (word:upper():gsub("[%s%-]", "")) end
  return code ~= nil and crypto.equal(bare(text), bare(code))
end

function M.remove()
  code = nil
  settings.remove_file("setup-code")
end

return M
