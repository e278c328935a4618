-- luacheck: Lua 5.4, no globals but the ones that the host gives.
--
-- Lua lines may have 120 columns (C keeps 100): options and schemas are tables whose rows carry
-- their own sentence of documentation, and a row on one line reads better than a broken one.
std = "lua54"
max_line_length = 120
max_cyclomatic_complexity = 25
codes = true

-- What the host puts into every script (lua/types declares it); read-only there.
read_globals = { "kw", "module" }

-- Declarations for the language server: names without bodies are their whole point.
files["lua/types"] = { ignore = { "1..", "2.." } }
exclude_files = { "build", "web/node_modules", "**/node_modules" }
