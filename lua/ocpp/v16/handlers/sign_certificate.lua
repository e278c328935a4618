-- sign_certificate.lua - SignCertificate (1.6 security white paper): this gateway is no certificate
-- authority; the request is refused in the protocol's words and kept as an event.

return function(_, record)
  record:event("ev", "station.event", {
    d = { component = "SecurityCtrlr", variable = "SignCertificate", value = "Rejected" },
  })
  return { status = "Rejected" }
end
