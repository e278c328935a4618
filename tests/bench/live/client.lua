-- client.lua - the subscribers of `./kw bench live`: measures a running demo and prints the table.
--
-- 50 WSS clients subscribe to `stations`. Every meter value has a name that nothing changes on its way:
-- station, connector and the station's own timestamp. The gateway writes it into the stream with its time
-- of receipt (rts), Redis gives the entry an id whose first part is Redis's clock, and the row that reaches
-- a client carries the timestamp as `as_of_ms`. One machine, one clock: the differences are the stages.
-- A sample that was overtaken by a newer one within a tick reaches nobody and is not counted.
--
-- CPU and memory are the kernel's figures of the three processes, over the same minute. How late a timer of
-- this very client fires is printed beside them: on a machine that does other work too, that is what every
-- stage pays to the scheduler.

package.path = package.path .. ";" .. package.path:match("^[^?]*") .. "../../../examples/fleet/?.lua;"
  .. package.path:match("^[^?]*") .. "../../../examples/demo/?.lua"

local http = require "kw.http"
local json = require "kw.json"
local redis = require "kw.redis"
local time = require "kw.time"
local timer = require "kw.timer"
local ws = require "kw.ws"

local files = require "files"
local options = require "options"

local OPTIONS = {
  { "demo", "string", nil, "demo.json" },
  { "clients", "integer", 50, "subscribers" },
  { "seconds", "integer", 60, "how long to measure" },
  { "ready-ms", "integer", 0, "how long the demo needed to be ready" },
  { "stations", "integer", 500, "how many there are" },
}
local BARS = { p99_ms = 60, rss_mb = 250, cpu_percent = 20, ready_s = 60 }
local SETTLE_S = 15 -- snapshots, and the stations' first round
local TICKS_PER_S = 100

local chosen = assert(options.read(OPTIONS, ...))
local demo = assert(files.read(chosen.demo))
local socket_url = demo.url:gsub("^http", "ws") .. "/api/v1/live"

-- --- subscribers ---

local arrivals = {}   -- "station/connector/ts" -> list of receive times, of all clients
local measuring = false
local totals = { snapshots = 0, deltas = 0, rows = 0, closed = 0 }

local function index_of(columns)
  local index = {}
  for at, name in ipairs(columns) do index[name] = at end
  return index
end

-- Rows come whole, so a row tells old values again: `seen` keeps a client's newest timestamp of each
-- connector, and only a newer one is an arrival.
local function take_rows(rows, stations, connectors, seen, now)
  for _, row in ipairs(rows) do
    for _, connector in ipairs(row[stations.connectors]) do
      local as_of = connector[connectors.as_of_ms]
      local place = row[stations.id] .. "/" .. connector[connectors.id]
      if as_of ~= json.null and as_of > (seen[place] or 0) then
        seen[place] = as_of
        if measuring then
          local key = place .. "/" .. as_of
          local list = arrivals[key] or {}
          arrivals[key] = list
          list[#list + 1] = now
        end
      end
    end
  end
end

local function subscriber()
  local link, why, words = ws.connect { url = socket_url, protocols = "kw.live.v1", ca_file = demo.ca_file,
                                        headers = { "Authorization: Bearer " .. demo.token } }
  if not link then error(("live feed: %s (%s)"):format(why, words)) end
  local stations, connectors, seen = nil, nil, {}
  while true do
    local text, reason, detail = link:recv()
    local now = time.now_ms()
    if not text then
      totals.closed = totals.closed + 1
      io.stderr:write("a subscriber was closed: ", tostring(detail or reason), "\n")
      return
    end
    local message = assert(json.decode(text))
    if message.op == "welcome" then
      stations, connectors = index_of(message.schema.stations), index_of(message.schema.connectors)
      link:send(json.encode { op = "subscribe", id = 1, topic = "stations" })
    elseif message.op == "snapshot" or message.op == "delta" then
      if message.op == "snapshot" then totals.snapshots = totals.snapshots + 1 end
      if measuring then
        totals.deltas, totals.rows = totals.deltas + 1, totals.rows + #message.data
      end
      take_rows(message.data, stations, connectors, seen, now)
    end
  end
end

-- --- what the kernel and the programs say ---

local function first_line(path)
  local file = io.open(path, "r")
  if not file then return nil end
  local line = file:read("l")
  file:close()
  return line
end

local function cpu_s(pid)
  local line = assert(first_line(("/proc/%d/stat"):format(pid)), "process " .. pid .. " is gone")
  local fields = {}
  for word in line:match("%) (.*)"):gmatch("%S+") do fields[#fields + 1] = word end
  return (tonumber(fields[12]) + tonumber(fields[13])) / TICKS_PER_S
end

local function rss_mb(pid)
  local file = assert(io.open(("/proc/%d/status"):format(pid), "r"))
  local kb = file:read("a"):match("VmRSS:%s*(%d+) kB")
  file:close()
  return tonumber(kb) / 1024
end

local PARTS = { "gateway", "service", "redis" }

local function measure_parts()
  local cpu, rss = {}, {}
  for _, part in ipairs(PARTS) do cpu[part], rss[part] = cpu_s(demo.pids[part]), rss_mb(demo.pids[part]) end
  return cpu, rss
end

local function metrics_of(url)
  local reply = http.request { url = url .. "/metrics", ca_file = demo.ca_file }
  return reply and reply.status == 200 and reply.body or ""
end

-- p50 and p99 of a histogram between two readings of /metrics: upper edges of the buckets, in ms.
local function histogram(before, after, name)
  local function buckets(text)
    local list = {}
    for edge, count in text:gmatch(name .. '_bucket{[^}]*le="([^"]+)"} (%d+)') do
      list[#list + 1] = { edge = edge == "+Inf" and math.huge or tonumber(edge), count = tonumber(count) }
    end
    return list
  end
  local old, new = buckets(before), buckets(after)
  if #new == 0 then return nil end
  local function quantile(q)
    local total = new[#new].count - (old[#old] and old[#old].count or 0)
    for at, bucket in ipairs(new) do
      if total > 0 and bucket.count - (old[at] and old[at].count or 0) >= q * total then return bucket.edge * 1000 end
    end
    return 0 / 0
  end
  return quantile(0.5), quantile(0.99)
end

local function quantiles(list)
  table.sort(list)
  if #list == 0 then return 0 / 0, 0 / 0, 0 / 0 end
  return list[math.ceil(#list * 0.5)], list[math.ceil(#list * 0.99)], list[#list]
end

-- How late a 5 ms timer fires, while measuring.
local lateness = {}
local function watch_the_scheduler()
  while true do
    local before = time.mono_us()
    timer.sleep(0.005)
    if measuring then lateness[#lateness + 1] = (time.mono_us() - before) / 1000 - 5 end
  end
end

-- --- the streams, after the fact ---

-- Every meter value of the minute: key -> {receipt, redis}.
local function read_stream(from_ms, to_ms)
  local link = redis.connect(demo.redis_url)
  for _ = 1, 50 do
    if link:up() then break end
    timer.sleep(0.1)
  end
  local entries, count, at = {}, 0, tostring(from_ms)
  while true do
    local page = assert(link:call("XRANGE", "kw:1:mv", at, tostring(to_ms), "COUNT", "1000"))
    for _, entry in ipairs(page) do
      local fields = {}
      for i = 1, #entry[2], 2 do fields[entry[2][i]] = entry[2][i + 1] end
      local key = ("%s/%s/%s"):format(fields.cs, fields.evse, fields.ts)
      entries[key] = { receipt = tonumber(fields.rts), redis = tonumber(entry[1]:match("^%d+")) }
      count = count + 1
    end
    if #page < 1000 then break end
    at = "(" .. page[#page][1]
  end
  link:close()
  return entries, count
end

-- --- run ---

assert(timer.spawn(watch_the_scheduler))
for _ = 1, chosen.clients do assert(timer.spawn(subscriber)) end
timer.sleep(SETTLE_S)
assert(totals.snapshots == chosen.clients, ("%d of %d snapshots came"):format(totals.snapshots, chosen.clients))

local gateway_before, service_before = metrics_of(demo.control_url), metrics_of(demo.url)
local cpu_before = measure_parts()
local own_before, began = cpu_s(tonumber(first_line("/proc/self/stat"):match("^%d+"))), time.now_ms()
measuring = true
timer.sleep(chosen.seconds)
measuring = false
local ended = time.now_ms()
local own_after = cpu_s(tonumber(first_line("/proc/self/stat"):match("^%d+")))
local cpu_after, rss = measure_parts()
local gateway_after, service_after = metrics_of(demo.control_url), metrics_of(demo.url)
local wall_s = (ended - began) / 1000

local entries, messages = read_stream(began, ended)
local to_redis, to_client, whole, matched = {}, {}, {}, 0
for key, entry in pairs(entries) do
  to_redis[#to_redis + 1] = entry.redis - entry.receipt
  local list = arrivals[key]
  if list then
    matched = matched + 1
    for _, at in ipairs(list) do
      to_client[#to_client + 1] = at - entry.redis
      whole[#whole + 1] = at - entry.receipt
    end
  end
end

local function line(name, ...) print(("%-34s %10s %10s %10s"):format(name, ...)) end
local function ms(value) return value ~= value and "-" or ("%.1f"):format(value) end

print(("\n%d stations, %d subscribers over WSS, %.0f s: %.1f messages/s, %d of %d seen at a client; %d deltas, %d rows")
  :format(chosen.stations, chosen.clients, wall_s, messages / wall_s, matched, messages, totals.deltas, totals.rows))
-- A histogram of the programs tells only the upper edge of a bucket.
local function histogram_line(name, before, after, metric)
  local p50, p99 = histogram(before, after, metric)
  if p50 then line(name, "<=" .. ms(p50), "<=" .. ms(p99), "") end
end

line("\nstage, ms", "p50", "p99", "worst")
histogram_line("frame -> journal (fsync batch)", gateway_before, gateway_after, "kw_journal_sync_seconds")
local a50, a99, a_worst = quantiles(to_redis)
line("frame -> Redis", ms(a50), ms(a99), ms(a_worst))
histogram_line("frame -> service (applied)", service_before, service_after, "kw_feed_lag_seconds")
histogram_line("  commit of a page (beside it)", service_before, service_after, "kw_feed_commit_seconds")
histogram_line("applied -> sockets", service_before, service_after, "kw_live_push_seconds")
local b50, b99, b_worst = quantiles(to_client)
line("Redis -> service -> client", ms(b50), ms(b99), ms(b_worst))
local c50, c99, c_worst = quantiles(whole)
line("frame -> client", ms(c50), ms(c99), ms(c_worst))

local l50, l99, l_worst = quantiles(lateness)
line("(a 5 ms timer here is late by)", ms(l50), ms(l99), ms(l_worst))

line("\npart", "RSS, MB", "CPU, %", "")
local rss_sum, cpu_sum = 0, 0
for _, part in ipairs(PARTS) do
  local percent = (cpu_after[part] - cpu_before[part]) / wall_s * 100
  rss_sum, cpu_sum = rss_sum + rss[part], cpu_sum + percent
  line(part, ("%.1f"):format(rss[part]), ("%.1f"):format(percent), "")
end
line("(this client)", "", ("%.1f"):format((own_after - own_before) / wall_s * 100), "")

local missed = 0
local function bar(name, value, limit, unit)
  local ok = value == value and value <= limit
  if not ok then missed = missed + 1 end
  print(("%-34s %10.1f %10s %10s"):format(name .. ", " .. unit, value, "<= " .. limit, ok and "ok" or "MISSED"))
end
line("\nbar", "measured", "bar", "")
bar("frame -> client p99", c99, BARS.p99_ms, "ms")
bar("RSS of the three", rss_sum, BARS.rss_mb, "MB")
bar("CPU of the three", cpu_sum, BARS.cpu_percent, "% of a core")
bar("ready", chosen.ready_ms / 1000, BARS.ready_s, "s")
local fewest = chosen.stations / 10 * 0.95
local enough = messages / wall_s >= fewest and matched >= messages * 0.9 and totals.closed == 0
print(("%-34s %10.1f %10s %10s"):format("messages, 1/s (nine of ten seen)", messages / wall_s, ">= " .. fewest,
                                       enough and "ok" or "MISSED"))
return (missed == 0 and enough) and 0 or 1
