-- data_transfer.lua - DataTransfer (OCPP 1.6 4.3): no vendor is known to us; the message is kept.

local parse = require "ocpp.parse"

return function(request, record)
  record:event("ev", "data.transfer", { d = { vendorId = parse.text(request.vendorId, 255) or "",
    messageId = parse.text(request.messageId, 50), data = parse.text(request.data, 16384) } })
  return { status = "UnknownVendorId" }
end
