-- names.lua - who and what is in the demo's complex: people, nodes, stations, all from numbers.
--
-- The same number always gives the same thing, so a second start finds what the first one made.

local M = {}

local SURNAMES = {
  "Bailey", "Hughes", "Novak", "Lindqvist", "Marsh", "Whitfield", "Okafor", "Kessler", "Tanaka", "Moretti", "Petrov",
  "Sutton", "Cooper", "Osborne", "Ferreira", "Иванова", "Смирнов", "Кузнецов", "Соколова", "Попов", "Лебедев",
  "Козлова", "Новиков", "Морозова", "Волков", "Павлова", "Fischer", "Schneider", "Dubois", "Laurent", "García",
  "Rossi", "Nowak", "Horák", "Nagy", "Larsen", "Virtanen", "Kaya", "Nguyen", "Silva", "Byrne", "Doyle", "Grant",
}
local LATIN = { "A", "B", "C", "D", "E", "G", "H", "J", "K", "L", "M", "N", "P", "R", "S", "T" }
local CYRILLIC = { "А", "Б", "В", "Г", "Д", "Е", "И", "К", "Л", "М", "Н", "О", "П", "Р", "С", "Т" }
local DEPARTMENTS = { "Sales", "Development", "Service", "Administration", "Logistics", "Guests" }
local PARKS = { "Car park A", "Car park B", "Ice arena", "Car park C", "Depot", "Offices" }

--- Driver number i: {name, department}.
function M.driver(i)
  local surname = SURNAMES[(i - 1) % #SURNAMES + 1]
  local initials = surname:byte() > 127 and CYRILLIC or LATIN
  local initial = initials[((i - 1) // #SURNAMES * 7 + i * 5) % #initials + 1]
  return { name = initial .. ". " .. surname, department = DEPARTMENTS[(i * 7) % #DEPARTMENTS + 1] }
end

--- Key of driver i: a seven-byte card number.
function M.uid(i) return ("04%06X%06X"):format((i * 7919 + 4660) % 0x1000000, (i * 104729 + 13) % 0x1000000) end

local STANDARD_A = { 40, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000, 1250, 1600, 2000, 2500,
                     3150, 4000, 5000, 6300, 8000, 10000 }

-- The smallest standard rating that is enough; nil: no low-voltage connection is that strong.
local function rating_a(amperes)
  for _, standard in ipairs(STANDARD_A) do
    if standard >= amperes then return standard end
  end
  return nil
end

local FEEDER_STATIONS, BOARD_FEEDERS, TRANSFORMER_BOARDS = 8, 6, 4
-- Amperes per station and level: less above, because not everybody charges at once.
local FEEDER_A, BOARD_A, TRANSFORMER_A, GRID_A = 14, 11, 10, 9.5

local function node(list, id, parent_id, kind, name, amperes)
  local rating = rating_a(amperes)
  local limit_ma = rating and rating * 1000
  list[#list + 1] = { id = id, parent_id = parent_id, kind = kind, name = name,
                      limit_ma = limit_ma and { limit_ma, limit_ma, limit_ma },
                      limit_w = kind == "grid" and math.floor(rating or amperes) * 3 * 230 or nil }
end

--- Nodes for `count` stations, parents first, and the feeder of each station: grid, boards, feeders; with
--- more than one board's worth of transformers these stand between grid and boards.
---@return table[] nodes, table<integer, string> feeder_of
function M.nodes(count)
  local list, feeder_of = {}, {}
  local feeders = math.max(3, math.ceil(count / FEEDER_STATIONS))
  local boards = math.max(2, math.ceil(feeders / BOARD_FEEDERS))
  local transformers = boards > TRANSFORMER_BOARDS and math.ceil(boards / TRANSFORMER_BOARDS) or 0
  node(list, "grid", nil, "grid", "Main connection", count * GRID_A)
  for t = 1, transformers do
    node(list, "t" .. t, "grid", "transformer", ("T%d %s"):format(t, PARKS[(t - 1) % #PARKS + 1]),
         count / transformers * TRANSFORMER_A)
  end
  local in_transformer = {}
  for b = 1, boards do
    local t = transformers > 0 and (b - 1) * transformers // boards + 1 or 1
    in_transformer[t] = (in_transformer[t] or 0) + 1
    node(list, "db" .. b, transformers > 0 and "t" .. t or "grid", "switchboard",
         ("DB-%d.%d"):format(t, in_transformer[t]), count / boards * BOARD_A)
  end
  local in_board = {}
  for f = 1, feeders do
    local b = (f - 1) * boards // feeders + 1
    in_board[b] = (in_board[b] or 0) + 1
    node(list, "f" .. f, "db" .. b, "feeder", "F" .. in_board[b], count / feeders * FEEDER_A)
  end
  for i = 1, count do feeder_of[i] = "f" .. ((i - 1) * feeders // count + 1) end
  return list, feeder_of
end

-- The station's L1 is fed by this phase of the feeder: how OCPP says it, and by how many the register turns.
M.ROTATIONS = { RST = 0, STR = 1, TRS = 2 }
local ROTATIONS = { "RST", "STR", "TRS" }
local MODELS = {
  { "Northline", "AC 22", "6.4.0" }, { "Voltera", "Duo 22", "2.11.3" }, { "Gridwell", "Post 22", "1.8.32" },
  { "Amperis", "Wall 22", "1.9.4" },
}

--- Station number i: what is registered, and what the fleet plays.
function M.station(i)
  local model = MODELS[i * 5 % #MODELS + 1]
  return { id = ("EV-%04d"):format(i), phases = i % 11 == 0 and 1 or 3, max_a = i % 6 == 0 and 16 or 32,
           rotation = ROTATIONS[i % 3 + 1], connectors = i % 15 == 0 and 2 or 1, vendor = model[1], model = model[2],
           firmware = model[3] }
end

return M
