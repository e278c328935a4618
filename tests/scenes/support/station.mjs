// station.mjs - A station that nobody here wrote: npm `ocpp-rpc`, checking every frame of both sides against
// the official schemas (strict mode). A frame of ours that breaks a schema is kept in `violations`.

import { RPCClient } from 'ocpp-rpc'

export async function connectStation(gateway, identity, password, options = {}) {
  const station = new RPCClient({ endpoint: gateway.endpoint, identity, password, protocols: ['ocpp1.6'],
    strictMode: true, reconnect: false, callTimeoutMs: 15000, ...options })
  station.violations = []
  station.on('strictValidationFailure', (event) => station.violations.push(event))
  station.on('badMessage', (event) => station.violations.push(event))
  await station.connect()
  return station
}

export const now = () => new Date().toISOString()

export const boot = (station, about = {}) => station.call('BootNotification',
  { chargePointVendor: 'ACME', chargePointModel: 'One', firmwareVersion: '1.0', ...about })
