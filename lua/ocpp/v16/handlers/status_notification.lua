-- status_notification.lua - StatusNotification (OCPP 1.6 4.9). Status never closes a transaction: it may
-- overtake the queued StopTransaction (ocpp.md 0.5).

local parse = require "ocpp.parse"
local state_of = require "ocpp.v16.status"

return function(request, record, gateway)
  local cs = record.cs
  local con = parse.integer(request.connectorId) or 0
  if con < 0 or con > 1000 then con = 0 end
  local status = parse.text(request.status, 32) or "Unknown"
  local err = parse.text(request.errorCode, 32) or "NoError"
  local at, offline, flag = record:moment(request.timestamp)
  local vendor_code, info = parse.text(request.vendorErrorCode, 50), parse.text(request.info, 50)
  local state = state_of[status] or "unknown"
  local fields = { status = status, errorCode = err, statusTs = at, vendorErrorCode = vendor_code or "",
                   info = info or "" }
  local key = con == 0 and "station:" .. cs or record.conn_key(cs, con)
  if con > 0 then fields.state = state end
  record:put(("st:%s:%d"):format(cs, con), { status = status, error = err, at = at })
  record:event("ev", con == 0 and "station.status" or "connector.status", {
    con = con, ts = at, offline = offline,
    k = ("status|%s|%d|%d|%s|%s"):format(cs, con, at, status, err),
    d = { status = status, state = state, errorCode = err, vendorErrorCode = vendor_code, info = info, flag = flag },
    add = { { "stations", cs } },
    set = { { key, "statusTs", at, fields } },
  })
  gateway.sessions:reported(cs)
  return {}
end
