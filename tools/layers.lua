-- layers.lua - May this file of core/ include that one? core/layers.txt decides, this asks.
--
-- The one idea: the table is the architecture. A folder may include itself, the folders of its
-- line (all on a lower tier) and the third-party headers of its line; a header of the C library
-- is free for everybody; any other header is unknown and refused, so a new dependency has to be
-- written into the table first. It reads the #include lines only: what is called is the linker's
-- business (each folder's unit tests link only what the table allows).
--
-- usage: lua5.4 tools/layers.lua [ROOT]     exit status 1 when an include is refused

local layers = {}

-- Headers of the C library and of the kernel, by name or by folder.
local FREE = {}
for name in ([[
  arpa/ assert ctype dirent dlfcn endian errno fcntl fenv float getopt glob grp ifaddrs inttypes
  langinfo limits linux/ locale malloc math net/ netdb netinet/ poll pthread pwd sched search
  semaphore setjmp signal spawn stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib
  stdnoreturn string strings sys/ sysexits syslog termios threads time ucontext unistd wchar
  execinfo sanitizer/
]]):gmatch("%S+") do FREE[name] = true end

---@class kw.Layer
---@field tier integer
---@field includes table<string, boolean>
---@field third table<string, boolean>

--- Reads the table; its own mistakes (an upward or sideways arrow) come back as the second value.
---@param text string
---@return table<string, kw.Layer> by_folder
---@return string[] faults
function layers.parse(text)
  local by_folder, faults, number = {}, {}, 0
  for line in (text .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    if line:find("%S") and not line:find("^%s*#") then
      local folder, tier, includes, third = line:match("^(%w+)%s+(%d+)%s+(%S+)%s+(.-)%s*$")
      if not folder then
        faults[#faults + 1] = ("core/layers.txt:%d: not «folder tier includes headers»"):format(number)
      else
        local layer = { tier = math.tointeger(tonumber(tier)), includes = {}, third = {} }
        for name in includes:gmatch("[%w_]+") do layer.includes[name] = true end
        for name in third:gmatch("[%w_]+") do layer.third[name] = true end
        by_folder[folder] = layer
      end
    end
  end
  for folder, layer in pairs(by_folder) do
    for name in pairs(layer.includes) do
      local other = by_folder[name]
      if not other then
        faults[#faults + 1] = ("core/layers.txt: %s includes %s, which has no line"):format(folder, name)
      elseif other.tier >= layer.tier then
        faults[#faults + 1] = ("core/layers.txt: %s (tier %d) includes %s (tier %d): arrows go down"):format(
          folder, layer.tier, name, other.tier)
      end
    end
  end
  table.sort(faults)
  return by_folder, faults
end

-- The word of a <header>: its folder, or its name without .h.
local function header_word(header)
  return header:match("^([%w_%-]+)/") or header:match("^([%w_%-]+)%.h$") or header
end

local function is_free(header)
  local folder = header:match("^([%w_%-]+/)")
  if folder then return FREE[folder] end
  return FREE[header:match("^([%w_%-]+)%.h$") or ""]
end

--- Why this include is refused, or nil when it is allowed.
---@param by_folder table<string, kw.Layer>
---@param folder string the folder of core/ that the file is in
---@param kind string "<" or '"'
---@param header string
---@return string? reason
function layers.refusal(by_folder, folder, kind, header)
  local layer = by_folder[folder]
  if not layer then return ("folder %s has no line in core/layers.txt"):format(folder) end
  if kind == '"' then
    local target = header:match("^([%w_]+)/[^/]+$")
    if header == "kilowatch.h" or header == "include/kilowatch.h" then target = "include" end
    if not target then
      if header:find("/", 1, true) then return ("\"%s\": write \"folder/name.h\""):format(header) end
      return nil  -- a neighbour
    end
    if target == folder or layer.includes[target] then return nil end
    local other = by_folder[target]
    if not other then return ("\"%s\": no such folder in core/layers.txt"):format(header) end
    local way = other.tier > layer.tier and "upward" or other.tier == layer.tier and "sideways" or "not listed"
    return ("\"%s\": %s (%s is tier %d, %s is tier %d)"):format(header, way, folder, layer.tier, target, other.tier)
  end
  if is_free(header) then return nil end
  local word = header_word(header)
  if layer.third[word] then return nil end
  for home, other in pairs(by_folder) do
    if other.third[word] then return ("<%s>: its home is %s, not %s"):format(header, home, folder) end
  end
  return ("<%s>: a third-party header that core/layers.txt does not know"):format(header)
end

--- Every refused include of one file's text, as "path:line: reason".
function layers.check_text(by_folder, folder, path, text)
  local faults, number = {}, 0
  for line in (text .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    local kind, header = line:match("^%s*#%s*include%s*([<\"])([^>\"]+)[>\"]")
    local reason = header and layers.refusal(by_folder, folder, kind, header)
    if reason then faults[#faults + 1] = ("%s:%d: %s"):format(path, number, reason) end
  end
  return faults
end

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

--- Checks the tree under `root`; the faults and how many files were read.
---@param root string
function layers.check_tree(root)
  local by_folder, faults = layers.parse(read(root .. "/core/layers.txt"))
  local files = 0
  local list <close> = assert(io.popen(("cd '%s' && find core -name '*.[ch]' | LC_ALL=C sort"):format(root)))
  for path in list:lines() do
    files = files + 1
    local folder = path:match("^core/([%w_]+)/")
    if not folder then
      faults[#faults + 1] = path .. ": a source belongs in a folder of core/"
    else
      for _, fault in ipairs(layers.check_text(by_folder, folder, path, read(root .. "/" .. path))) do
        faults[#faults + 1] = fault
      end
    end
  end
  return faults, files
end

if arg and arg[0] and arg[0]:find("layers%.lua$") then
  local faults, files = layers.check_tree(arg[1] or ".")
  for _, fault in ipairs(faults) do io.stderr:write(fault, "\n") end
  print(("layers: %d files, %d refused includes"):format(files, #faults))
  os.exit(#faults == 0 and files > 0)
end

return layers
