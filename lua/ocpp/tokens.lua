-- tokens.lua - may this tag charge? P:token:{TAG} of the contract, with a memory for times without Redis.
--
-- A token is read when it is asked for (once a session, never once a meter value), so that a card that was
-- blocked a second ago is refused. What was read is kept in the journal: while Redis is away the policy
-- `offline_auth` decides with it.

local time = require "kw.time"

local M = {}
M.__index = M

M.KEEP_MS = 30 * 24 * 3600 * 1000  -- a token not seen for so long is forgotten
M.REFRESH_MS = 24 * 3600 * 1000    -- how often the memory of an unchanged token is renewed
M.PARENT_BYTES = 20                -- CiString20 of OCPP 1.6

local STATUS = { Accepted = true, Blocked = true, Expired = true, Invalid = true }

--- @param policy "accept_known"|"reject"|"accept_all"
--- @param redis table  redis_side.lua
function M.new(state, redis, policy)
  return setmetatable({ state = state, redis = redis, policy = policy }, M)
end

local function remember(self, tag, token, record)
  local key, now = "tk:" .. tag, time.now_ms()
  local old = self.state:get(key)
  if not token then
    if old then record:put(key, nil) end
    return
  end
  local same = old and old.status == token.status and old.group == token.group and old.expiry == token.expiry
  if same and old.expires_ms - now > M.KEEP_MS - M.REFRESH_MS then return end
  record:put(key, { status = token.status, group = token.group, expiry = token.expiry, expires_ms = now + M.KEEP_MS })
end

-- token | nil; the second result tells that Redis could not be asked. May wait.
local function find(self, tag, record)
  local fields, slug = self.redis:hash("token:" .. tag)
  if not fields then
    if slug == "none" then
      remember(self, tag, nil, record)
      return nil, false
    end
    return self.state:get("tk:" .. tag), true
  end
  local token = { status = fields.status, group = fields.groupId, expiry = math.tointeger(tonumber(fields.expiryTs)) }
  remember(self, tag, token, record)
  return token, false
end

--- idTagInfo for an answer. May wait for Redis.
---@param tag string|nil  compared form (parse.id_tag)
---@param record table    where the memory of the token is put
---@return table  {status, expiryDate?, parentIdTag?}
function M:id_tag_info(tag, record)
  if not tag then return { status = "Invalid" } end
  local token, away = find(self, tag, record)
  if away then
    if self.policy == "reject" then return { status = "Invalid" } end
    if not token and self.policy == "accept_all" then return { status = "Accepted" } end
  end
  if not token then return { status = "Invalid" } end
  local info = { status = STATUS[token.status] and token.status or "Invalid" }
  if token.expiry then
    info.expiryDate = time.rfc3339(token.expiry)
    if info.status == "Accepted" and token.expiry <= time.now_ms() then info.status = "Expired" end
  end
  if token.group and token.group ~= "" and #token.group <= M.PARENT_BYTES then info.parentIdTag = token.group end
  return info
end

return M
