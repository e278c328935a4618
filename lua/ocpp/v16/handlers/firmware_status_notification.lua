-- firmware_status_notification.lua - FirmwareStatusNotification (OCPP 1.6 4.5): kept as an event.

local parse = require "ocpp.parse"

return function(request, record)
  record:event("ev", "firmware.status", { d = { status = parse.text(request.status, 64) or "",
                                           requestId = parse.integer(request.requestId) } })
  return {}
end
