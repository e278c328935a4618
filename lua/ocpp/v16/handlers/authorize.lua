-- authorize.lua - Authorize (OCPP 1.6 4.1): may this tag charge?

local parse = require "ocpp.parse"

return function(request, record, gateway)
  local tag = parse.id_tag(request.idTag)
  local info = gateway.tokens:id_tag_info(tag, record)
  record:event("ev", "auth.request", { d = { idToken = tag or "", type = "Local", status = info.status,
                                             groupIdToken = info.parentIdTag } })
  return { idTagInfo = info }
end
