-- mail.lua - One plain-text mail to one person, through the configured server.
--
-- Makes the message (RFC 5322, everything that is not ASCII encoded) and hands it to kw.http. The server
-- must speak TLS unless it is this machine. What cannot be in a header never gets into one.

local crypto = require("kw.crypto")
local http = require("kw.http")
local settings = require("kw.settings")

local M = {}

local LINE_BYTES = 45 -- of an encoded word, before base64: words may have 75 characters

local function is_local(url)
  local host = url:match("^smtps?://([^/]*)") or ""
  host = host:gsub("^.*@", ""):gsub(":%d+$", "")
  return host == "127.0.0.1" or host == "localhost" or host == "[::1]"
end

-- A header's text as encoded words, never cutting a character.
local function header_text(text)
  text = text:gsub("[%c]+", " ")
  if not text:find("[\128-\255]") then return text end
  local words, part = {}, ""
  for character in text:gmatch(utf8.charpattern) do
    if #part + #character > LINE_BYTES then
      words[#words + 1] = "=?UTF-8?B?" .. crypto.base64(part) .. "?="
      part = ""
    end
    part = part .. character
  end
  words[#words + 1] = "=?UTF-8?B?" .. crypto.base64(part) .. "?="
  return table.concat(words, "\r\n ")
end

local function base64_lines(text)
  return (crypto.base64(text):gsub(("."):rep(76), "%0\r\n"))
end

--- The message as it is sent. `mail`: from, to, subject, text.
function M.message(mail)
  local host = mail.from:match("@([^>%s]+)") or "localhost"
  return table.concat({
    "From: " .. mail.from:gsub("%c", ""), "To: <" .. mail.to:gsub("[%c<>]", "") .. ">",
    "Subject: " .. header_text(mail.subject), "Date: " .. os.date("!%a, %d %b %Y %H:%M:%S +0000"),
    ("Message-ID: <%s@%s>"):format(crypto.random_hex(16), host), "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64", "Auto-Submitted: auto-generated",
      "",
    base64_lines(mail.text:gsub("\r?\n", "\r\n")), "" }, "\r\n")
end

function M.configured()
  return (settings.get("smtp_url") or "") ~= "" and (settings.get("smtp_from") or "") ~= ""
end

--- mail: to, subject, text. -> true | nil, slug, words. Suspends.
function M.send(mail)
  local url, from = settings.get("smtp_url"), settings.get("smtp_from")
  return http.mail({
    url = url, from = "<" .. (from:match("<([^>]+)>") or from) .. ">", to = "<" .. mail.to .. ">",
      plain_ok = is_local(url),
    timeout_s = 20, message = M.message({ from = from, to = mail.to, subject = mail.subject, text = mail.text }) })
end

return M
