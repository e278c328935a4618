---@meta
-- site.lua - what a file of the site folder finds beside Lua's own libraries (docs/lua-api.md), for editors.

---@class kw.Text a text in both languages
---@field ru string
---@field en string

---@class kw
---@field version string of the program, "0.1.0"
---@field zone string IANA zone of the complex
---@field log kw.SiteLog
---@field json kw.SiteJson
kw = {}

--- Unix milliseconds, UTC.
---@return integer
function kw.now() end

--- A text that people see.
---@param ru string
---@param en string
---@return kw.Text
function kw.t(ru, en) end

---@class kw.SiteLog at most 100 lines a second
local log = {}
---@param text string
---@param fields? table<string, string|number|boolean>
function log.info(text, fields) end
---@param text string
---@param fields? table<string, string|number|boolean>
function log.warn(text, fields) end
---@param text string
---@param fields? table<string, string|number|boolean>
function log.error(text, fields) end

---@class kw.SiteJson
---@field null lightuserdata
local json = {}
---@param value any
---@return string
function json.encode(value) end
---@param text string
---@return any value, or nil and «line L column C: why»
function json.decode(text) end
--- Marks a table to be written as [] even when it is empty.
---@param list? table
---@return table
function json.array(list) end

---@class kw.Account
---@field id string
---@field email string
---@field name string
---@field roles string[] ids
---@field grants (string|kw.Grant)[] of its roles, as administered
---@field attributes table free data of the account

---@class kw.Grant
---@field right string e.g. "stations.view"; "*" in a role is every right
---@field subtree? string id of the node below which it holds; nil: everywhere

---@class kw.Role
---@field title kw.Text
---@field extends? string id of another role, whose grants it has too
---@field grants (string|kw.Grant)[]
