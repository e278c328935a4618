-- actions.lua - every message that an OCPP 1.6J station may send, and the file that answers it.
-- A missing entry is answered NotImplemented.

return {
  Authorize = require "ocpp.v16.handlers.authorize",
  BootNotification = require "ocpp.v16.handlers.boot_notification",
  DataTransfer = require "ocpp.v16.handlers.data_transfer",
  DiagnosticsStatusNotification = require "ocpp.v16.handlers.diagnostics_status_notification",
  FirmwareStatusNotification = require "ocpp.v16.handlers.firmware_status_notification",
  Heartbeat = require "ocpp.v16.handlers.heartbeat",
  LogStatusNotification = require "ocpp.v16.handlers.log_status_notification",
  MeterValues = require "ocpp.v16.handlers.meter_values",
  SecurityEventNotification = require "ocpp.v16.handlers.security_event_notification",
  SignCertificate = require "ocpp.v16.handlers.sign_certificate",
  SignedFirmwareStatusNotification = require "ocpp.v16.handlers.signed_firmware_status_notification",
  StartTransaction = require "ocpp.v16.handlers.start_transaction",
  StatusNotification = require "ocpp.v16.handlers.status_notification",
  StopTransaction = require "ocpp.v16.handlers.stop_transaction",
}
