-- rest.lua - a small client of our own REST API: JSON in, JSON out, errors with the server's words.

local http = require "kw.http"
local json = require "kw.json"

local M = {}
M.__index = M

--- @param url string       https://host:port
--- @param ca_file string|nil
function M.new(url, ca_file) return setmetatable({ url = url, ca_file = ca_file, headers = {} }, M) end

--- Send with this token from now on.
function M:use_token(token) self.headers = { "Authorization: Bearer " .. token } end

--- Send with the session of this answer from now on.
function M:use_session(reply)
  local cookie = reply.headers:match("[Ss][Ee][Tt]%-[Cc][Oo][Oo][Kk][Ii][Ee]:%s*([^;\r\n]+)")
  if not cookie then return nil, "no cookie in the answer" end
  self.headers = { "Cookie: " .. cookie, "Origin: " .. self.url }
  return true
end

--- @return table|nil reply {status, json, body, headers}, string|nil why
function M:ask(method, path, body)
  local reply, slug, words = http.request { url = self.url .. path, method = method, headers = self.headers,
                                            json = body, ca_file = self.ca_file, timeout_s = 30 }
  if not reply then return nil, ("%s %s: %s (%s)"):format(method, path, slug, words) end
  return reply
end

--- The decoded answer; raises with the server's words when the status is none of 2xx.
function M:need(method, path, body)
  local reply, why = self:ask(method, path, body)
  if not reply then error(why, 2) end
  if reply.status < 200 or reply.status > 299 then
    error(("%s %s: %d %s"):format(method, path, reply.status, reply.body:sub(1, 400)), 2)
  end
  return reply.json, reply
end

--- Every item of a list resource.
function M:all(path)
  local items, cursor = {}, nil
  repeat
    local page = self:need("GET", path .. "?limit=1000" .. (cursor and "&cursor=" .. cursor or ""))
    for _, item in ipairs(page.items) do items[#items + 1] = item end
    cursor = page.next_cursor
    if cursor == json.null then cursor = nil end
  until not cursor
  return items
end

return M
