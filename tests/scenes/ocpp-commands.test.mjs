// ocpp-commands.test.mjs - orders through the control API to a foreign client in strict mode: every outgoing
// frame passes the official schemas, every outcome and effect is told.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Complex, Gateway } from './support/gateway.mjs'
import { sleep, until } from './support/redis.mjs'
import { boot, connectStation, now, rawStation, status } from './support/station.mjs'

let complex, gateway, station
before(async () => {
  complex = await Complex.start()
  gateway = await Gateway.start(complex.url, { call_timeout_s: 2 })
  await gateway.ready()
  await complex.token('DEADBEEF')
  station = await connectStation(gateway, 'EV-1', await complex.station('EV-1'))
  await boot(station)
})
after(async () => {
  await station.close()
  await gateway.stop()
  await complex.stop()
})

const later = new Date(Date.now() + 3600 * 1000).toISOString()
const schedule = { chargingRateUnit: 'A', duration: 3600, chargingSchedulePeriod: [{ startPeriod: 0, limit: 16.14, numberPhases: 3 }, { startPeriod: 600, limit: 0 }] }

// [order, OCPP action, payload that must go out, the station's answer, state]
const ORDERS = [
  [{ command: 'remoteStart', evseId: 1, params: { idTag: 'DEADBEEF' } }, 'RemoteStartTransaction', { idTag: 'DEADBEEF', connectorId: 1 }, { status: 'Rejected' }, 'rejected'],
  [{ command: 'remoteStart', params: { idTag: 'A', chargingProfile: { chargingProfileId: 3, stackLevel: 0, chargingProfilePurpose: 'TxProfile', chargingProfileKind: 'Relative', chargingSchedule: schedule } } },
    'RemoteStartTransaction', { idTag: 'A', chargingProfile: { chargingProfileId: 3, stackLevel: 0, chargingProfilePurpose: 'TxProfile', chargingProfileKind: 'Relative',
      chargingSchedule: { ...schedule, chargingSchedulePeriod: [{ startPeriod: 0, limit: 16.1, numberPhases: 3 }, { startPeriod: 600, limit: 0 }] } } }, { status: 'Rejected' }, 'rejected'],
  [{ command: 'remoteStop', txId: '77' }, 'RemoteStopTransaction', { transactionId: 77 }, { status: 'Rejected' }, 'rejected'],
  [{ command: 'reset', params: { type: 'Hard' } }, 'Reset', { type: 'Hard' }, { status: 'Rejected' }, 'rejected'],
  [{ command: 'unlock', evseId: 2 }, 'UnlockConnector', { connectorId: 2 }, { status: 'NotSupported' }, 'notSupported'],
  [{ command: 'changeAvailability', evseId: 0, params: { type: 'Inoperative' } }, 'ChangeAvailability', { connectorId: 0, type: 'Inoperative' }, { status: 'Scheduled' }, 'scheduled'],
  [{ command: 'setConfig', params: { key: 'HeartbeatInterval', value: 60 } }, 'ChangeConfiguration', { key: 'HeartbeatInterval', value: '60' }, { status: 'RebootRequired' }, 'rebootRequired'],
  [{ command: 'getConfig' }, 'GetConfiguration', {}, { configurationKey: [{ key: 'A', readonly: false, value: '1' }] }, 'accepted'],
  [{ command: 'getConfig', params: { key: ['A', 'B'] } }, 'GetConfiguration', { key: ['A', 'B'] }, { configurationKey: [], unknownKey: ['A'] }, 'accepted'],
  [{ command: 'trigger', evseId: 1, params: { requestedMessage: 'MeterValues' } }, 'TriggerMessage', { requestedMessage: 'MeterValues', connectorId: 1 }, { status: 'NotImplemented' }, 'notSupported'],
  [{ command: 'setProfile', evseId: 1, params: { limitA: 10.07, stackLevel: 2 } }, 'SetChargingProfile', { connectorId: 1, csChargingProfiles: { chargingProfileId: 1, stackLevel: 2,
    chargingProfilePurpose: 'TxDefaultProfile', chargingProfileKind: 'Absolute', chargingSchedule: { chargingRateUnit: 'A', chargingSchedulePeriod: [{ startPeriod: 0, limit: 10 }] } } }, { status: 'Rejected' }, 'rejected'],
  [{ command: 'setProfile', params: { limitW: 11000 } }, 'SetChargingProfile', { connectorId: 0, csChargingProfiles: { chargingProfileId: 1, stackLevel: 0,
    chargingProfilePurpose: 'ChargePointMaxProfile', chargingProfileKind: 'Absolute', chargingSchedule: { chargingRateUnit: 'W', chargingSchedulePeriod: [{ startPeriod: 0, limit: 11000 }] } } }, { status: 'NotSupported' }, 'notSupported'],
  [{ command: 'clearProfile', evseId: 1, params: { profileId: 1, purpose: 'TxDefaultProfile', stackLevel: 2 } }, 'ClearChargingProfile', { id: 1, connectorId: 1, stackLevel: 2, chargingProfilePurpose: 'TxDefaultProfile' }, { status: 'Accepted' }, 'accepted'],
  [{ command: 'getComposite', evseId: 1, params: { duration: 60, unit: 'W' } }, 'GetCompositeSchedule', { connectorId: 1, duration: 60, chargingRateUnit: 'W' }, { status: 'Accepted', connectorId: 1 }, 'accepted'],
  [{ command: 'sendLocalList', params: { listVersion: 3, updateType: 'Full', list: [{ idTag: 'A', idTagInfo: { status: 'Accepted', expiryDate: later } }, { idTag: 'B' }] } }, 'SendLocalList',
    { listVersion: 3, updateType: 'Full', localAuthorizationList: [{ idTag: 'A', idTagInfo: { status: 'Accepted', expiryDate: later } }, { idTag: 'B' }] }, { status: 'VersionMismatch' }, 'rejected'],
  [{ command: 'reserve', evseId: 1, params: { idTag: 'A', expiryDate: later, reservationId: 9 } }, 'ReserveNow', { connectorId: 1, idTag: 'A', expiryDate: later, reservationId: 9 }, { status: 'Occupied' }, 'rejected'],
  [{ command: 'cancelReservation', params: { reservationId: 9 } }, 'CancelReservation', { reservationId: 9 }, { status: 'Accepted' }, 'accepted'],
  [{ command: 'updateFirmware', params: { location: 'https://example.org/fw.bin', retrieveDate: later, retries: 2 } }, 'UpdateFirmware', { location: 'https://example.org/fw.bin', retrieveDate: later, retries: 2 }, {}, 'accepted'],
  [{ command: 'getLog', params: { location: 'ftp://example.org/' } }, 'GetDiagnostics', { location: 'ftp://example.org/' }, { fileName: 'log.zip' }, 'accepted'],
  [{ command: 'dataTransfer', params: { vendorId: 'V', messageId: 'M', data: 'd' } }, 'DataTransfer', { vendorId: 'V', messageId: 'M', data: 'd' }, { status: 'UnknownVendorId' }, 'notSupported'],
  [{ command: 'raw', params: { action: 'ClearCache' } }, 'ClearCache', {}, { status: 'Accepted' }, 'accepted'],
]
for (const [order, action, payload, answer, state] of ORDERS) {
  test(`${order.command}: ${action} ${JSON.stringify(payload).slice(0, 60)}`, async () => {
    station.answers[action] = answer
    const before = station.asked.length
    const outcome = await gateway.carryOut('EV-1', order)
    assert.deepEqual(station.asked.slice(before), [{ method: action, params: payload }])
    assert.equal(outcome.state, state)
    if (answer.status) assert.equal(outcome.ocppStatus, answer.status)
    assert.deepEqual(station.violations, [])
  })
}

test('bad orders are refused with the reason', async () => {
  const bad = [
    [{}, 400, /command is needed/], [{ command: 'fly' }, 400, /fly/], [{ command: 'reset', params: { type: 'Cold' } }, 400, /Soft, Hard/],
    [{ command: 'remoteStart' }, 400, /params.idTag/], [{ command: 'remoteStart', params: { idTag: 'x'.repeat(21) } }, 400, /at most 20/],
    [{ command: 'remoteStop' }, 400, /txId/], [{ command: 'unlock', evseId: 0 }, 400, /connectorId/], [{ command: 'reset', colour: 1 }, 400, /colour/],
    [{ command: 'setProfile', params: {} }, 400, /limitA/], [{ command: 'setProfile', evseId: 1, params: { limitA: -1 } }, 400, /limit/],
    [{ command: 'setProfile', evseId: 1, params: { csChargingProfiles: { chargingProfileId: 1, stackLevel: 0, chargingProfilePurpose: 'TxProfile', chargingProfileKind: 'Absolute',
      chargingSchedule: { chargingRateUnit: 'A', chargingSchedulePeriod: [{ startPeriod: 120, limit: 6 }] } } } }, 400, /startPeriod must be 0/],
    [{ command: 'reset', deadlineMs: 0 }, 400, /deadlineMs/], [{ command: 'reset', params: [] , evseId: -1 }, 400, /evseId/], [[1], 400, /object/],
  ]
  for (const [body, code, detail] of bad) {
    const { status: got, json, headers } = await gateway.order('EV-1', 'bad-1', body)
    assert.equal(got, code, JSON.stringify(body))
    assert.match(json.detail, detail)
    assert.equal(headers.get('content-type'), 'application/problem+json')
  }
  assert.equal((await gateway.order('EV-1', 'bad key', { command: 'reset' })).status, 400)
  assert.equal((await gateway.api('POST', '/v1/stations/EV-1/commands', { command: 'reset' })).status, 400)
  assert.equal((await gateway.api('POST', '/v1/stations/EV-1/commands', '{', { 'Idempotency-Key': 'a' })).json.code, 'bad-json')
  assert.equal((await gateway.api('POST', '/v1/stations/EV-1/commands', '{}', { 'Idempotency-Key': 'a', 'Content-Type': 'text/plain' })).status, 415)
  assert.equal((await gateway.order('EV-NONE', 'k1', { command: 'reset' })).status, 404)
  assert.equal((await gateway.api('GET', '/v1/commands/nothing')).status, 404)
  assert.equal((await gateway.api('DELETE', '/v1/commands/nothing')).status, 405)
})

test('the same key is the same command; another order with it is refused', async () => {
  station.answers.UnlockConnector = { status: 'Unlocked' }
  const before = station.asked.length
  const first = await gateway.order('EV-1', 'once', { command: 'unlock', evseId: 1 })
  assert.equal(first.status, 202)
  assert.equal(first.headers.get('location'), `/v1/commands/${first.json.commandId}`)
  const again = await gateway.order('EV-1', 'once', { command: 'unlock', evseId: 1 })
  assert.equal(again.status, 200)
  assert.equal(again.json.commandId, first.json.commandId)
  assert.equal((await gateway.order('EV-1', 'once', { command: 'unlock', evseId: 2 })).json.code, 'idempotency-conflict')
  const results = await until('all its events', async () => {
    const all = (await complex.events('command.result', 'EV-1')).filter((event) => event.d.key === 'once')
    return all.length === 3 && all
  })
  assert.deepEqual(results.map((event) => event.d.state), ['queued', 'sent', 'accepted'])
  assert.equal(station.asked.length, before + 1)
  const kept = await complex.hash(`cmd:${first.json.commandId}`)
  assert.deepEqual([kept.state, kept.ocppStatus, kept.key], ['accepted', 'Unlocked', 'once'])
  assert.ok((await complex.call('TTL', `kw:1:cmd:${first.json.commandId}`)) > 86000)
})

test('offline: said at once, or waited for until the deadline', { timeout: 30000 }, async () => {
  const key = await complex.station('EV-OFF')
  const refused = await gateway.order('EV-OFF', 'off-1', { command: 'reset' })
  assert.deepEqual([refused.status, refused.json.code], [409, 'offline'])
  const short = await gateway.order('EV-OFF', 'off-2', { command: 'reset', deadlineMs: 300 })
  assert.equal(short.status, 202)
  await until('it has expired', async () => (await gateway.api('GET', `/v1/commands/${short.json.commandId}`)).json.state === 'offline')
  const long = await gateway.order('EV-OFF', 'off-3', { command: 'reset', deadlineMs: 20000 })
  const other = await connectStation(gateway, 'EV-OFF', key)
  await sleep(500)
  assert.deepEqual(other.asked, [], 'no call before the boot is answered')
  await boot(other)
  await until('it is sent', () => other.asked.length === 1)
  assert.deepEqual(other.asked[0], { method: 'Reset', params: { type: 'Soft' } })
  await until('accepted', async () => (await gateway.api('GET', `/v1/commands/${long.json.commandId}`)).json.state === 'accepted')
  await boot(other)
  await until('confirmed by the boot', async () => (await gateway.api('GET', `/v1/commands/${long.json.commandId}`)).json.effect === 'confirmed')
  const boots = await complex.events('station.boot', 'EV-OFF')
  assert.deepEqual(boots.map((event) => event.d.solicited), [0, 1], 'our reset is no surprise')
  await other.close()
})

test('no answer: timeout, the late answer is dropped; an error keeps its code', { timeout: 30000 }, async () => {
  const slow = rawStation(gateway, 'EV-SLOW', await complex.station('EV-SLOW'))
  await slow.settled()
  slow.send([2, 'b', 'BootNotification', { chargePointVendor: 'V', chargePointModel: 'M' }])
  await slow.reply('b')
  const waiting = gateway.carryOut('EV-SLOW', { command: 'unlock', evseId: 1 })
  const call = await until('the call', () => slow.frames.find((frame) => frame[0] === 2))
  slow.send([2, 'h', 'Heartbeat', {}])
  assert.equal((await slow.reply('h'))[0], 3, 'its own calls are answered while we wait')
  const second = gateway.carryOut('EV-SLOW', { command: 'reset' })
  await sleep(300)
  assert.equal(slow.frames.filter((frame) => frame[0] === 2).length, 1, 'one outstanding call')
  const outcome = await waiting
  assert.deepEqual([outcome.state, outcome.errorCode], ['timeout', 'Timeout'])
  slow.send([3, call[1], { status: 'Unlocked' }])
  const next = await until('the next call', () => slow.frames.filter((frame) => frame[0] === 2)[1])
  slow.send([4, next[1], 'InternalError', 'no', {}])
  const failed = await second
  assert.deepEqual([failed.state, failed.errorCode, failed.errorText], ['error', 'InternalError', 'no'])
  const lost = gateway.carryOut('EV-SLOW', { command: 'getConfig' })
  await until('the third call', () => slow.frames.filter((frame) => frame[0] === 2).length === 3)
  slow.ws.terminate()
  assert.equal((await lost).errorCode, 'ConnectionLost')
})

test('effects: a remote start brings its transaction, a limit shows in the meter, a stop ends it', { timeout: 30000 }, async () => {
  const effect = (id) => until(`the effect of ${id}`, async () => (await gateway.api('GET', `/v1/commands/${id}`)).json.effect)
  for (const action of ['RemoteStartTransaction', 'RemoteStopTransaction', 'SetChargingProfile']) station.answers[action] = { status: 'Accepted' }
  const start = await gateway.carryOut('EV-1', { command: 'remoteStart', evseId: 1, params: { idTag: 'DEADBEEF' } })
  const { transactionId } = await station.call('StartTransaction', { connectorId: 1, idTag: 'DEADBEEF', meterStart: 0, timestamp: now() })
  assert.equal(await effect(start.commandId), 'confirmed')
  const started = await complex.event('tx.started', 'EV-1')
  assert.equal(started.d.remoteStartId, start.commandId)

  const limit = await gateway.carryOut('EV-1', { command: 'setProfile', evseId: 1, params: { limitA: 10 } })
  assert.equal(limit.effect, undefined)
  const meter = (amps) => station.call('MeterValues', { connectorId: 1, transactionId, meterValue: [{ timestamp: now(), sampledValue: [{ value: String(amps), measurand: 'Current.Import', unit: 'A', phase: 'L1' }] }] })
  await meter(16)
  assert.equal((await gateway.api('GET', `/v1/commands/${limit.commandId}`)).json.effect, undefined)
  await meter(9.9)
  assert.equal(await effect(limit.commandId), 'confirmed')
  const applied = await complex.event('profile.applied', 'EV-1')
  assert.deepEqual([applied.evse, applied.d.limitA], ['1', 10])
  assert.equal((await complex.hash('conn:EV-1:1:1')).limitA, '10')

  const stop = await gateway.carryOut('EV-1', { command: 'remoteStop', txId: transactionId })
  await station.call('StopTransaction', { transactionId, meterStop: 10, timestamp: now(), reason: 'Remote' })
  assert.equal(await effect(stop.commandId), 'confirmed')

  station.answers.ChangeAvailability = { status: 'Accepted' }
  const off = await gateway.carryOut('EV-1', { command: 'changeAvailability', evseId: 1, params: { type: 'Inoperative' } })
  await status(station, 1, 'Unavailable')
  assert.equal(await effect(off.commandId), 'confirmed')
  assert.deepEqual(station.violations, [])
})

test('only the newest waiting profile is sent', { timeout: 30000 }, async () => {
  const key = await complex.station('EV-NEW')
  const ids = []
  for (let i = 1; i <= 3; i++) ids.push((await gateway.order('EV-NEW', `p${i}`, { command: 'setProfile', evseId: 1, params: { limitA: 5 + i }, deadlineMs: 20000 })).json.commandId)
  const other = await connectStation(gateway, 'EV-NEW', key)
  await boot(other)
  await until('one is sent', () => other.asked.length > 0)
  await sleep(500)
  assert.equal(other.asked.length, 1)
  assert.equal(other.asked[0].params.csChargingProfiles.chargingSchedule.chargingSchedulePeriod[0].limit, 8)
  const states = await Promise.all(ids.map(async (id) => (await gateway.api('GET', `/v1/commands/${id}`)).json.state))
  assert.deepEqual(states, ['superseded', 'superseded', 'accepted'])
  await other.close()
})
