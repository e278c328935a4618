-- throttle.lua - Attempts are counted, never locked for good.
--
-- Buckets of attempts that refill with time: one per account and address (so that nobody locks another
-- person out), one wider per address (so that one place cannot try everybody). An attempt takes a token
-- before its password is looked at; a right one gives the tokens back. The number of buckets is bounded:
-- full ones are forgotten.

local time = require("kw.time")

local M = {}

local BUCKETS_MAX = 20000
local KINDS = {
  account = { capacity = 5, refill_s = 30 },  -- 5 at once, then two a minute
  address = { capacity = 30, refill_s = 5 },  -- 30 at once, then twelve a minute
}

local buckets, count = {}, 0

-- An IPv6 user owns a /64, not an address.
local function network(address)
  if not address:find(":", 1, true) then return address end
  local groups = {}
  local head = address:match("^(.-)::") or address
  for group in head:gmatch("[^:]+") do groups[#groups + 1] = group end
  return table.concat(groups, ":", 1, math.min(4, #groups)) .. "::"
end

local function forget_full(now_s)
  for key, bucket in pairs(buckets) do
    if bucket.tokens + (now_s - bucket.at_s) / bucket.kind.refill_s >= bucket.kind.capacity then
      buckets[key] = nil
      count = count - 1
    end
  end
end

local function bucket_of(kind_name, key)
  local now_s = time.mono_us() / 1e6
  local kind, name = KINDS[kind_name], kind_name .. "\n" .. key
  local bucket = buckets[name]
  if not bucket then
    if count >= BUCKETS_MAX then forget_full(now_s) end
    if count >= BUCKETS_MAX then return nil end
    bucket = { tokens = kind.capacity, at_s = now_s, kind = kind }
    buckets[name] = bucket
    count = count + 1
  end
  bucket.tokens = math.min(kind.capacity, bucket.tokens + (now_s - bucket.at_s) / kind.refill_s)
  bucket.at_s = now_s
  return bucket
end

--- Take an attempt for `what` (an e-mail, "setup") from `address`. true | nil, seconds to wait.
function M.take(what, address)
  local place = network(address)
  local own, wide = bucket_of("account", what .. "\n" .. place), bucket_of("address", place)
  if not own or not wide then return nil, 5 end
  for _, bucket in ipairs({ own, wide }) do
    if bucket.tokens < 1 then return nil, math.ceil((1 - bucket.tokens) * bucket.kind.refill_s) end
  end
  own.tokens, wide.tokens = own.tokens - 1, wide.tokens - 1
  return true
end

--- It was right: the attempts of this account and address are forgiven.
function M.forgive(what, address)
  local place = network(address)
  local own, wide = bucket_of("account", what .. "\n" .. place), bucket_of("address", place)
  if own then own.tokens = own.kind.capacity end
  if wide then wide.tokens = math.min(wide.kind.capacity, wide.tokens + 1) end
end

function M.reset() buckets, count = {}, 0 end

return M
