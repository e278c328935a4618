-- heartbeat.lua - Heartbeat (OCPP 1.6 4.6). Only the hash learns of it; the stream stays quiet, and a
-- heartbeat lost with a crash does no harm, so it is not journalled.

local time = require "kw.time"

return function(_, record, gateway)
  gateway.redis_hash(record.cs, { lastHeartbeatTs = record.received_ms, lastSeenTs = record.received_ms })
  return { currentTime = time.rfc3339(record.received_ms) }
end
