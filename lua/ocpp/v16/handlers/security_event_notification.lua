-- security_event_notification.lua - SecurityEventNotification (1.6 security white paper): kept as an event.

local parse = require "ocpp.parse"

return function(request, record)
  local at, offline = record:moment(request.timestamp)
  local kind = parse.text(request.type, 50) or ""
  record:event("ev", "security.event", { ts = at, offline = offline, k = ("sec|%s|%s|%d"):format(record.cs, kind, at),
    d = { type = kind, techInfo = parse.text(request.techInfo, 255) } })
  return {}
end
