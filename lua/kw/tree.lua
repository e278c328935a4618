-- tree.lua - The node tree as rights and filters need it: who is below whom.
--
-- A copy of ids and parents beside the live model, so that a check costs a walk up and no call. The
-- resource `nodes` keeps it; nothing else writes.

local M = {}

local parents = {}  -- id -> parent id, or false at the top
local children = {} -- id -> set of ids

function M.put(id, parent_id)
  local before = parents[id]
  if before and children[before] then children[before][id] = nil end
  parents[id] = parent_id or false
  children[id] = children[id] or {}
  if parent_id then
    children[parent_id] = children[parent_id] or {}
    children[parent_id][id] = true
  end
end

function M.remove(id)
  local parent = parents[id]
  if parent and children[parent] then children[parent][id] = nil end
  parents[id], children[id] = nil, nil
end

function M.clear() parents, children = {}, {} end

function M.exists(id) return parents[id] ~= nil end

function M.has_children(id) return children[id] ~= nil and next(children[id]) ~= nil end

--- Every node as data: { { id, parent_id }, ... }, for policies.
function M.list()
  local list = {}
  for id, parent in pairs(parents) do list[#list + 1] = { id = id, parent_id = parent or nil } end
  table.sort(list, function(a, b) return a.id < b.id end)
  return list
end

function M.parent(id) return parents[id] end

--- Levels of the subtree at `id`, itself included.
function M.height(id)
  local height = 0
  local level = { id }
  while level[1] do
    height = height + 1
    local next_level = {}
    for _, one in ipairs(level) do
      for child in pairs(children[one] or {}) do next_level[#next_level + 1] = child end
    end
    level = next_level
  end
  return height
end

--- Is `id` the node `root` itself or below it?
function M.is_below(id, root)
  while id do
    if id == root then return true end
    id = parents[id]
  end
  return false
end

--- Ids of `root` and everything below it, appended to `list`.
function M.below(root, list)
  list = list or {}
  if parents[root] == nil then return list end
  local at = #list
  list[at + 1] = root
  while at < #list do
    at = at + 1
    for child in pairs(children[list[at]]) do list[#list + 1] = child end
  end
  return list
end

return M
