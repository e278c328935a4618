-- passwords.lua - Which passwords are good enough, and a check that takes the same time for everybody.
--
-- Length is what counts (12 at least); on top a small list of what attackers try first, and passwords
-- made of one's own name, of one character or of a run of keys. Hashing is argon2id in kw.crypto.

local crypto = require("kw.crypto")

local M = { MIN = 12, MAX = 256 }

-- Only what has 12 characters or becomes so when repeated or numbered.
local COMMON = {
  "password", "passw0rd", "p@ssw0rd", "qwerty", "qwertyuiop", "asdfghjkl", "zxcvbnm", "iloveyou", "princess",
  "administrator", "admin", "welcome", "letmein", "monkey", "dragon", "football", "baseball", "sunshine", "superman",
  "trustno1", "starwars", "whatever", "changeme", "default", "secret", "master", "kilowatch", "kilowatt", "charger",
  "charging", "station", "energy", "electric", "parol", "privet", "lyubov", "zaq12wsx", "1q2w3e4r", "1qaz2wsx",
  "qazwsx", "q1w2e3r4", "abc123", "abcdefghijkl", "correcthorsebatterystaple", "йцукен", "йцукенгшщзхъ", "пароль",
  "любовь", "привет", "россия", "администратор",
}

local function repeats(text)
  for size = 1, 4 do
    local part = text:sub(1, size)
    if (part:rep(#text // size + 1)):sub(1, #text) == text then return true end
  end
  return false
end

local RUNS = { "0123456789012345678901234567890", "9876543210987654321098765432109", "abcdefghijklmnopqrstuvwxyz",
               "qwertyuiopasdfghjklzxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "1q2w3e4r5t6y7u8i9o0p" }

local function is_run(text)
  for _, run in ipairs(RUNS) do
    if run:find(text, 1, true) then return true end
  end
  return false
end

-- A common word and little besides: what is left after it must bring eight characters of its own.
local function is_common(text)
  for _, word in ipairs(COMMON) do
    local from, to = text:find(word, 1, true)
    if from then
      local rest = text:sub(1, from - 1) .. text:sub(to + 1)
      if utf8.len(rest) and utf8.len(rest) < 8 then return true end
      if rest:find("^%d+$") then return true end
    end
  end
  return false
end

--- nil when it will do, else code and message for the field.
function M.fault(password, account)
  local length = utf8.len(password)
  if not length then return "type", "must be UTF-8 text" end
  if length < M.MIN then return "too-short", ("must have at least %d characters"):format(M.MIN) end
  if length > M.MAX or #password > 1024 then return "too-long", ("must have at most %d characters"):format(M.MAX) end
  local text = password:lower()
  if repeats(text) or is_run(text) or is_common(text) then
    return "too-common", "is one of the first that an attacker tries"
  end
  local email = (account.email or ""):lower()
  local own = email:match("^[^@]+") or ""
  if text == email or (#own >= 4 and text:find(own, 1, true) and #text - #own < 8) then
    return "too-common", "is made of the e-mail address"
  end
  return nil
end

M.hash = crypto.password_hash

local nobody -- a hash that no password fits, for accounts that do not exist

--- Is `password` the account's? nil, slug: could not be checked. Unknown accounts take the same time.
function M.verify(password, hash)
  if not hash and not nobody then
    local made, slug = crypto.password_hash(crypto.random_hex(32))
    if not made then return nil, slug end
    nobody = made
  end
  if #password > 1024 then password = password:sub(1, 1024) end
  local ok, slug = crypto.password_verify(password, hash or nobody)
  if ok == nil then return nil, slug end
  return ok and hash ~= nil
end

--- Make the hash for nobody before the first sign-in, so that not even that one differs.
function M.prepare()
  nobody = nobody or crypto.password_hash(crypto.random_hex(32))
end

return M
