-- control.lua - Orders to the complex over its REST control (complex-contract.md 5).
--
-- Translates between the actions and states of our API and those of the contract, and nothing else: what
-- becomes of a command is api/commands.lua. A command's own id is its Idempotency-Key, so sending it again
-- after a lost answer is the same command.

local http = require("kw.http")
local settings = require("kw.settings")

local M = {}

local TIMEOUT_S = 5

local function limit_params(command)
  local params = command.params
  if params.limit_w then return { limitW = params.limit_w } end
  local amperes = params.limit_ma / 1000
  return { limitA = amperes == math.floor(amperes) and math.tointeger(amperes) or amperes,
           numberPhases = params.phases }
end

-- action -> command of the contract, and its params
local ACTIONS = {
  remote_start = { "remoteStart", function(c) return { idTag = c.params.key_uid } end },
  remote_stop = { "remoteStop", function() return {} end },
  reset = { "reset", function(c) return { type = c.params.hard and "Hard" or "Soft" } end },
  unlock = { "unlock", function() return {} end },
  change_availability = { "changeAvailability", function(c)
    return { type = c.params.available and "Operative" or "Inoperative" }
  end },
  set_limit = { "setProfile", limit_params },
  trigger = { "trigger", function(c) return { requestedMessage = c.params.message } end },
}

-- state of the contract -> state of the API, code beside it
local STATES = {
  queued = { "queued" }, sent = { "sent" }, accepted = { "accepted" }, scheduled = { "accepted" },
  rebootRequired = { "accepted" }, rejected = { "rejected" }, notSupported = { "rejected", "not-supported" },
  error = { "rejected", "station-error" }, offline = { "rejected", "offline" }, superseded = { "rejected",
    "superseded" },
  timeout = { "timed_out" }, expired = { "timed_out", "expired" },
}

--- Our state and code for the contract's; nil: a word that we do not know.
function M.state_of(word)
  local row = STATES[word]
  if not row then return nil end
  return row[1], row[2]
end

local function headers(...)
  local list = { ... }
  local token = settings.get("control_token")
  if token and token ~= "" then list[#list + 1] = "Authorization: Bearer " .. token end
  return list
end

local function escape(text)
  return (text:gsub("[^%w%-_.~]", function(byte) return ("%%%02X"):format(byte:byte()) end))
end

-- Failures after which it is sure that nothing was sent.
local NOT_SENT = { refused = true, tls = true, busy = true, invalid = true, ["not-found"] = true }

-- nil, slug: "offline" | "unknown" | "refused" | "unreachable" (it never got there) | "timeout" (it may have)
local function refusal(reply, slug)
  if not reply then return nil, NOT_SENT[slug] and "unreachable" or "timeout" end
  local body = type(reply.json) == "table" and reply.json or {}
  local code = type(body.code) == "string" and body.code or type(body.error) == "string" and body.error or ""
  local detail = type(body.detail) == "string" and body.detail or nil
  if reply.status == 404 then return nil, "unknown", detail end
  if reply.status == 409 and code == "offline" then return nil, "offline", detail end
  if reply.status >= 500 then return nil, "timeout", detail end
  return nil, "refused", detail or code
end

--- Send (or send again, byte for byte the same) a command document. `deadline_ms` nil: at once or not at
-- all. -> the contract's answer | nil, slug, detail
function M.send(command, deadline_ms)
  local action = ACTIONS[command.action]
  local reply, slug = http.request({
    url = ("%s/v1/stations/%s/commands"):format(settings.get("control_url"), escape(command.station_id)),
    method = "POST", timeout_s = TIMEOUT_S, headers = headers("Idempotency-Key: " .. command.id),
    json = { command = action[1], evseId = command.connector_id, txId = command.params.transaction_id,
             params = action[2](command), deadlineMs = deadline_ms } })
  if reply and (reply.status == 200 or reply.status == 202) and type(reply.json) == "table" then return reply.json end
  return refusal(reply, slug)
end

--- What became of it. -> the contract's answer | nil, slug
function M.look(contract_id)
  local reply, slug = http.request({ url = ("%s/v1/commands/%s"):format(settings.get("control_url"),
    escape(contract_id)),
                                     timeout_s = TIMEOUT_S, headers = headers() })
  if reply and reply.status == 200 and type(reply.json) == "table" then return reply.json end
  return refusal(reply, slug)
end

return M
