// whole.test.mjs - the real path with a client that is not ours: POST /stations gives the key once, npm
// `ocpp-rpc` connects with it, and the session stands in the API with its exact Wh.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Complex, Gateway } from './support/gateway.mjs'
import { until } from './support/redis.mjs'
import { Service } from './support/service.mjs'
import { boot, connectStation, now, rawStation, status } from './support/station.mjs'

let complex, gateway, service
before(async () => {
  complex = await Complex.start()
  gateway = await Gateway.start(complex.url)
  await gateway.ready()
  service = await Service.start(complex.url, { control_url: `http://127.0.0.1:${gateway.ports.control}` })
  await service.prepare([])
  await service.ready()
})
after(async () => {
  await service.stop()
  await gateway.stop()
  await complex.stop()
})

const made = {}
test('the service makes a station and a driver; the key is told once', async () => {
  const station = await service.expect(201, 'POST', '/api/v1/stations',
    { id: 'EV-1', name: 'One', node_id: service.nodeId, phases: 3, connectors: [{ id: 1 }] })
  assert.match(station.key, /^[A-Za-z0-9]{20}$/)
  assert.equal((await service.expect(200, 'GET', '/api/v1/stations/EV-1')).key, undefined)
  made.key = station.key
  const driver = await service.expect(201, 'POST', '/api/v1/drivers', { name: 'Anna' })
  await service.expect(201, 'POST', '/api/v1/keys', { uid: 'CAFE0001', driver_id: driver.id })
  await until('the key record and the tag in Redis', async () => (await complex.hash('auth:EV-1')).keyHash && (await complex.hash('token:CAFE0001')).status)
})

test('wrong key and unknown identity: both 401 and alike', async () => {
  const refusals = []
  for (const [path, key] of [['EV-1', 'x'.repeat(20)], ['EV-2', made.key]]) {
    const one = rawStation(gateway, path, key)
    await one.settled()
    const { date, ...headers } = one.refused.headers
    refusals.push({ status: one.refused.status, headers, body: one.refused.body, dated: Boolean(date) })
  }
  assert.equal(refusals[0].status, 401)
  assert.deepEqual(refusals[0], refusals[1])
})

test('a session: in the API with its exact Wh, its driver, its connector live', { timeout: 30000 }, async () => {
  const station = await connectStation(gateway, 'EV-1', made.key)
  await boot(station)
  await status(station, 1, 'Preparing')
  assert.equal((await station.call('Authorize', { idTag: 'cafe0001' })).idTagInfo.status, 'Accepted')
  assert.equal((await station.call('Authorize', { idTag: 'CAFE0002' })).idTagInfo.status, 'Invalid')
  const { transactionId } = await station.call('StartTransaction', { connectorId: 1, idTag: 'CAFE0001', meterStart: 15000, timestamp: now() })
  await status(station, 1, 'Charging')
  await station.call('MeterValues', { connectorId: 1, transactionId, meterValue: [{ timestamp: now(), sampledValue: [
    { value: '16100', unit: 'Wh' }, { value: '11000', measurand: 'Power.Active.Import', unit: 'W' }] }] })
  const live = await until('the connector charges', async () => {
    const { connectors: [one] } = await service.expect(200, 'GET', '/api/v1/stations/EV-1')
    return one?.state === 'charging' && one.power_w === 11000 && one
  })
  assert.equal(live.energy_wh, 1100)
  await station.call('StopTransaction', { transactionId, idTag: 'CAFE0001', meterStop: 21543, timestamp: now() })
  await status(station, 1, 'Available')
  const session = await until('the finished session', async () => {
    const { items } = await service.expect(200, 'GET', '/api/v1/transactions?station_id=EV-1')
    return items[0]?.state === 'finished' && items[0]
  })
  assert.deepEqual([session.energy_wh, session.meter_start_wh, session.meter_stop_wh, session.driver_name, session.key_uid],
    [6543, 15000, 21543, 'Anna', 'CAFE0001'])
  assert.equal((await service.expect(200, 'GET', '/api/v1/transactions?station_id=EV-1')).items.length, 1)
  assert.deepEqual(station.violations, [])
  await station.close()
})

test('an order through the API reaches the station; its outcome and effect come back', { timeout: 30000 }, async () => {
  const offline = await service.fetch('POST', '/api/v1/stations/EV-1/commands', { body: { action: 'reset' }, headers: { 'Idempotency-Key': 'away-1' } })
  assert.equal(offline.status, 409, offline.text)
  const station = await connectStation(gateway, 'EV-1', made.key)
  await boot(station)
  await until('online', async () => (await service.expect(200, 'GET', '/api/v1/stations/EV-1')).online)
  const order = await service.expect(202, 'POST', '/api/v1/stations/EV-1/commands', { action: 'reset' }, { 'Idempotency-Key': 'scene-1' })
  await until('the station is asked', () => station.asked.find((one) => one.method === 'Reset'))
  await until('accepted', async () => ['accepted', 'confirmed'].includes((await service.expect(200, 'GET', `/api/v1/commands/${order.id}`)).state))
  await boot(station)
  await until('confirmed', async () => (await service.expect(200, 'GET', `/api/v1/commands/${order.id}`)).state === 'confirmed')
  assert.deepEqual(station.violations, [])
  await station.close()
})

test('every action of the API becomes its OCPP call, all frames within the schemas', { timeout: 60000 }, async () => {
  const station = await connectStation(gateway, 'EV-1', made.key)
  await boot(station)
  await until('online', async () => (await service.expect(200, 'GET', '/api/v1/stations/EV-1')).online)
  const orders = [
    [{ action: 'remote_start', connector_id: 1, key_uid: 'CAFE0001' }, 'RemoteStartTransaction', { idTag: 'CAFE0001', connectorId: 1 }],
    [{ action: 'remote_stop', transaction_id: 'EV-1~7' }, 'RemoteStopTransaction', { transactionId: 7 }],
    [{ action: 'reset', hard: true }, 'Reset', { type: 'Hard' }],
    [{ action: 'unlock', connector_id: 1 }, 'UnlockConnector', { connectorId: 1 }],
    [{ action: 'change_availability', connector_id: 1, available: false }, 'ChangeAvailability', { connectorId: 1, type: 'Inoperative' }],
    [{ action: 'trigger', message: 'StatusNotification' }, 'TriggerMessage', { requestedMessage: 'StatusNotification' }],
  ]
  station.answers.UnlockConnector = { status: 'Unlocked' }
  for (const [order, method, params] of orders) {
    const before = station.asked.length
    await service.expect(202, 'POST', '/api/v1/stations/EV-1/commands', order, { 'Idempotency-Key': `all-${order.action}` })
    await until(method, () => station.asked.length > before)
    assert.deepEqual(station.asked.at(-1), { method, params })
  }
  await service.expect(202, 'POST', '/api/v1/stations/EV-1/commands', { action: 'set_limit', connector_id: 1, limit_ma: 16140 }, { 'Idempotency-Key': 'all-limit' })
  await until('SetChargingProfile', () => station.asked.at(-1).method === 'SetChargingProfile')
  const { csChargingProfiles } = station.asked.at(-1).params
  assert.equal(csChargingProfiles.chargingSchedule.chargingSchedulePeriod[0].limit, 16.1)
  await until('the limit on the connector', async () => (await service.expect(200, 'GET', '/api/v1/stations/EV-1')).connectors[0].limit_ma === 16140 ||
    (await service.expect(200, 'GET', '/api/v1/stations/EV-1')).connectors[0].limit_ma === 16100)
  assert.deepEqual(station.violations, [])
  await station.close()
})
