-- diagnostics_status_notification.lua - DiagnosticsStatusNotification (OCPP 1.6 4.4): kept as an event.

local parse = require "ocpp.parse"

return function(request, record)
  record:event("ev", "log.status", { d = { status = parse.text(request.status, 64) or "",
                                           requestId = parse.integer(request.requestId) } })
  return {}
end
