-- outbox.lua - messages of transactions: in order, kept until answered, sent again with a new message id.
--
-- StartTransaction, the meter values of its transaction and StopTransaction stand in one queue; the first
-- one blocks the others, because a meter value needs the transaction's number. Without an answer a message
-- is sent again after the retry interval, or as soon as the link is back. A CALLERROR counts as an attempt;
-- after the configured number of attempts the message is given up, as the standard allows (OCPP 1.6 3.7.1).
-- Only meter values are thrown away when the queue is full.

local M = {}
M.__index = M

M.METER_MESSAGES_MAX = 120

--- @param options table {world, link, attempts = fun(): integer, retry_s = fun(): number, on_drop}
function M.new(options)
  local self = setmetatable({ list = {}, meters = 0, open = false }, M)
  for name, value in pairs(options) do self[name] = value end
  return self
end

local send

local function forget(self, at)
  local message = table.remove(self.list, at)
  if message.action == "MeterValues" then self.meters = self.meters - 1 end
  return message
end

local function answered(self, message, answer, why)
  if self.list[1] ~= message then return end
  self.sending = false
  if answer or why == "withdrawn" then
    forget(self, 1)
    if answer and message.done then message.done(answer) end
    send(self)
    return
  end
  if why == "lost" then return end -- flush() when the link is back
  if why == "error" then
    message.attempts = (message.attempts or 0) + 1
    if message.attempts >= self.attempts() then
      forget(self, 1)
      self.on_drop(message)
      send(self)
      return
    end
  end
  self.world.stats.resent = self.world.stats.resent + 1
  self.pausing = true
  self.world:after(why == "timeout" and 0 or self.retry_s(), function()
    self.pausing = false
    send(self)
  end)
end

function send(self)
  local message = self.list[1]
  if not message or self.sending or self.pausing or not self.open or not self.link:up() then return end
  self.sending = true
  self.link:call(message.action, message.payload, function(answer, why) answered(self, message, answer, why) end)
end

--- Add a message. payload: table or function (asked at each sending; nil withdraws it). done(answer): once.
function M:add(action, payload, done)
  if action == "MeterValues" then
    if self.meters >= M.METER_MESSAGES_MAX then
      for at = 2, #self.list do
        if self.list[at].action == "MeterValues" then
          forget(self, at)
          break
        end
      end
    end
    self.meters = self.meters + 1
  end
  self.list[#self.list + 1] = { action = action, payload = payload, done = done }
  send(self)
end

--- The station is booted and connected: send what waits.
function M:flush()
  self.open, self.sending = true, false
  send(self)
end

--- The link is gone.
function M:hold() self.open, self.sending = false, false end

function M:waiting() return #self.list end

return M
