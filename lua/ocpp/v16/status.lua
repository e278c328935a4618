-- status.lua - OCPP 1.6 status words to the contract's normalised state (complex-contract.md 3).

return {
  Available = "available", Preparing = "preparing", Charging = "charging", SuspendedEV = "suspendedEV",
  SuspendedEVSE = "suspendedEVSE", Finishing = "finishing", Reserved = "reserved", Unavailable = "unavailable",
  Faulted = "faulted",
}
