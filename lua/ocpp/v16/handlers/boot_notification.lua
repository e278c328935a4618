-- boot_notification.lua - BootNotification (OCPP 1.6 4.2). A station that got this far has proved who it
-- is, so it is accepted. A boot does not end transactions: their StopTransaction may still be queued.

local parse = require "ocpp.parse"
local time = require "kw.time"

return function(request, record, gateway)
  local cs, now = record.cs, record.received_ms
  local about = {
    vendor = parse.text(request.chargePointVendor, 64), model = parse.text(request.chargePointModel, 64),
    serialNumber = parse.text(request.chargePointSerialNumber or request.chargeBoxSerialNumber, 64),
    firmwareVersion = parse.text(request.firmwareVersion, 64),
  }
  local known = record.state:get("cs:" .. cs) or {}
  record:put("cs:" .. cs, { vendor = about.vendor, model = about.model, serial = about.serialNumber,
                            firmware = about.firmwareVersion, connected = known.connected,
                            generation = known.generation, peer = known.peer })
  local solicited = gateway.sessions:take_solicited_boot(cs, now)
  record:event("ev", "station.boot", {
    d = { vendor = about.vendor, model = about.model, serialNumber = about.serialNumber,
          firmwareVersion = about.firmwareVersion, solicited = solicited and 1 or 0 },
    add = { { "stations", cs } },
    set = { { "station:" .. cs, "lastBootTs", now, {
      vendor = about.vendor, model = about.model, serialNumber = about.serialNumber,
      firmwareVersion = about.firmwareVersion, ocppVersion = "1.6", lastBootTs = now, lastSeenTs = now,
      registration = "Accepted", bootReason = solicited and "RemoteReset" or "Unknown",
    } } },
  })
  gateway.sessions:booted(cs)
  return { status = "Accepted", currentTime = time.rfc3339(now), interval = gateway.options.heartbeat_s }
end
