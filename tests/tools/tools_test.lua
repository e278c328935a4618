-- tools_test.lua - Do the checkers of tools/ bite? Each test plants one fault and wants it found.
--
-- A checker that finds nothing looks exactly like a clean tree; this is the difference. Plain
-- Lua 5.4 without the host, because the checkers run before anything is built.
--
-- usage: lua5.4 tests/tools/tools_test.lua      from the root of the tree

package.path = "tools/?.lua;" .. package.path
local layers = require("layers")
local rules = require("house_rules")

local checks, failures = 0, 0

local function want(condition, what)
  checks = checks + 1
  if not condition then
    failures = failures + 1
    io.stderr:write("FAILED: ", what, "\n")
  end
end

local TABLE = [[
# folder tier includes headers
base   0   -           -
net    1   base        uv openssl
model  1   base        -
feed   2   base,net    hiredis
]]

local function includes(folder, text)
  local by_folder, faults = layers.parse(TABLE)
  want(#faults == 0, "the sample table is itself in order")
  return layers.check_text(by_folder, folder, "core/" .. folder .. "/a.c", text)
end

-- layers: what is allowed
want(#includes("feed", '#include "net/loop.h"\n#include "reply.h"\n#include <hiredis/read.h>\n') == 0,
  "a listed folder, a neighbour and a header at home are allowed")
want(#includes("base", "#include <stdio.h>\n#include <sys/stat.h>\n  # include <pthread.h>\n") == 0,
  "the C library is free")
want(#includes("feed", '/* "model/types.h" is not ours */\n') == 0, "a comment is no include")

-- layers: what is refused, one planted include each
for _, case in ipairs({
  { "net", '#include "feed/redis.h"', "upward" },
  { "net", '#include "model/types.h"', "sideways" },
  { "feed", '#include "model/types.h"', "not listed" },
  { "feed", '#include "nowhere/x.h"', "no such folder" },
  { "feed", "#include <uv.h>", "its home is net" },
  { "feed", "#include <openssl/ssl.h>", "its home is net" },
  { "net", "#include <jansson.h>", "does not know" },
  { "feed", '#include "../net/loop.h"', "write" },
  { "ghost", "#include <stdio.h>", "no line" },
}) do
  local folder, text, reason = case[1], case[2], case[3]
  local found = includes(folder, "\n" .. text .. "\n")
  want(#found == 1 and found[1]:find(reason, 1, true) and found[1]:find(":2:", 1, true),
    ("%s in %s is refused at its line as «%s», got: %s"):format(text, folder, reason, found[1] or "nothing"))
end

-- layers: a table that breaks its own rule
want(#select(2, layers.parse(TABLE .. "script 2 feed -\n")) == 1, "a sideways arrow in the table is a fault")
want(#select(2, layers.parse(TABLE .. "script 2 lost -\n")) == 1, "an arrow to an unknown folder is a fault")
want(#select(2, layers.parse(TABLE .. "what is this\n")) == 1, "a line that cannot be read is a fault")

-- house rules: one planted fault each
local function refused(path, text)
  local faults, reports = rules.check(rules.source(path, text))
  return faults, reports
end
local HEAD = "/* a.c - A file. */\n"
want(#refused("a.c", HEAD .. "int one;\n") == 0, "a clean file is clean")
want(#refused("a.c", "int one;\n") == 1, "a file without a head comment is refused")
want(#refused("a.lua", "local one = 1\n") == 1, "also in Lua")
want(#refused("run.sh", "#!/bin/sh\n# run.sh - Runs.\n") == 0, "a head comment may follow #!")
want(#refused("a.c", HEAD .. ("int x;\n"):rep(600)) == 1, "601 lines are too many")
want(#refused("a.c", HEAD .. ("int x;\n"):rep(599)) == 0, "600 lines are not")
for _, name in ipairs({ "strcpy", "strcat", "sprintf", "strtok", "atoi", "gets", "localtime" }) do
  want(#refused("a.c", HEAD .. "void f(void)\n{\n    " .. name .. "(a);\n}\n") == 1, name .. " is refused")
end
want(#refused("a.c", HEAD .. "void f(void)\n{\n    snprintf(a); fgets(b); localtime_r(c); kw_atoi(d);\n}\n") == 0,
  "a longer name that contains a banned one is fine")
want(#refused("a.c", HEAD .. 'const char *s = "strcpy(a) \\" atoi(b)"; /* gets(x) */\n') == 0,
  "a banned name in a string or a comment is fine")
want(#refused("a.c", HEAD .. "/* TO" .. "DO later */\n") == 1, "a note to oneself is refused")
want(#refused("a.c", HEAD .. "\tint x;\n") == 1, "a tab is refused")
want(#refused("a.c", HEAD .. "int x; \n") == 1, "a blank at the end is refused")
local _, notes = refused("a.c", HEAD .. "void f(void)\n{\n" .. ("    x();\n"):rep(70) .. "}\n")
want(#notes == 1, "a long function is noted")
_, notes = refused("a.c", HEAD .. "void f(void)\n{\n" .. ("    x();\n"):rep(50) .. "}\n")
want(#notes == 0, "a short one is not")

print(("%d checks, %d failed"):format(checks, failures))
os.exit(failures == 0)
