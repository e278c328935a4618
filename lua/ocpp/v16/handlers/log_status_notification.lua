-- log_status_notification.lua - LogStatusNotification (1.6 security white paper): kept as an event.

local parse = require "ocpp.parse"

return function(request, record)
  record:event("ev", "log.status", { d = { status = parse.text(request.status, 64) or "",
                                           requestId = parse.integer(request.requestId) } })
  return {}
end
