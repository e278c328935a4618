-- types.lua - Writes (or checks) the TypeScript types of the API: web/src/api/schema.gen.ts.
--
-- Runs on the host without the service: the modules that only `serve` has are empty here, because nothing
-- of the API is called, only its declarations are read.
--
-- usage: kilowatch run tools/types.lua [--check] FILE    without FILE: to standard output

for _, name in ipairs({ "kw.complex", "kw.live", "kw.settings", "kw.routes", "kw.metrics" }) do
  package.loaded[name] = package.loaded[name] or {}
end

require("service") -- declares every operation
local text = require("kw.typescript").text(require("kw.openapi").build("0"))

local first, second = ...
local check, path = first == "--check", first == "--check" and second or first
if not path then
  io.stdout:write(text)
  return 0
end

if check then
  local file = io.open(path, "rb")
  local before = file and file:read("a")
  if file then file:close() end
  if before == text then return 0 end
  io.stderr:write(path, " is not what the schema says: run kilowatch run tools/types.lua ", path, "\n")
  return 1
end

local file = assert(io.open(path, "wb"))
assert(file:write(text))
assert(file:close())
return 0
