-- register.lua - the energy of a transaction from a register that may lie (ocpp.md 2.1).
--
-- Registers restart at a boot, count from zero in each session, or show one sample of garbage. A figure that
-- does not follow from the one before must come twice in a row before it is believed: a single zero or spike
-- changes nothing. Energy never falls and is never negative.
--
-- Fields of the transaction: meter (start register), last (register last believed), last_at, energy (Wh so
-- far), base (register at which the count below began), carry (Wh counted before it), doubt (a figure seen once).

local M = {}

M.POWER_MAX_W = 1000000  -- faster than this no car charges
M.SLACK_WH = 5000

local function highest(tx, at)
  local hours = math.max(0, at - (tx.last_at or tx.at)) / 3600000
  return tx.last + M.POWER_MAX_W * hours + M.SLACK_WH
end

-- The figure came twice: the register has restarted, or began at zero with the session.
local function restart(tx)
  tx.carry, tx.base = tx.energy or 0, 0
end

--- Take a sample in. Changes `tx` (a copy of the caller's). Returns true when the figure was believed.
---@param tx table
---@param register integer  Wh
---@param at integer        ms UTC
function M.sample(tx, register, at)
  local last = tx.last or tx.meter
  if not last then
    tx.last, tx.base, tx.carry = register, register, 0 -- the start had no figure: count from here
  elseif register < last then
    if not tx.doubt or tx.doubt > register then
      tx.doubt = register
      return false
    end
    restart(tx)
  elseif register > highest({ last = last, last_at = tx.last_at, at = tx.at }, at) then
    if not tx.doubt or tx.doubt < last or register < tx.doubt then
      tx.doubt = register
      return false
    end
  end
  tx.doubt, tx.last = nil, register
  tx.last_at = math.max(at, tx.last_at or at)
  local energy = (tx.carry or 0) + register - (tx.base or tx.meter or register)
  tx.energy = math.max(tx.energy or 0, energy)
  return true
end

--- Energy so far in Wh.
function M.energy(tx) return tx.energy or 0 end

return M
