// api-commands.test.mjs - an order on its whole way: REST, service, gateway, a foreign OCPP client, and back.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Gateway } from './support/gateway.mjs'
import { RedisServer, sleep, until } from './support/redis.mjs'
import { Service } from './support/service.mjs'
import { connectStation, now, status } from './support/station.mjs'

let redis, gateway, service, station, key
const ID = 'CMD-1'

const api = (method, path, body, headers = {}) => service.fetch(method, `/api/v1${path}`, { body, headers })
const order = (body, headers) => api('POST', `/stations/${ID}/commands`, body, headers)
const command = async (id) => (await api('GET', `/commands/${id}`)).json

/** Wait until the command is in one of the states. */
const outcome = (id, ...states) => until(`${id} is ${states}`, async () => {
  const doc = await command(id)
  return states.includes(doc.state) && doc
}, 20000)

async function boot() {
  await station.call('BootNotification', { chargePointVendor: 'Test', chargePointModel: 'One' })
  await status(station, 0, 'Available')
  await status(station, 1, 'Available')
}

before(async () => {
  redis = await RedisServer.start()
  gateway = await Gateway.start(redis.url)
  service = await Service.start(redis.url, { control_url: `http://127.0.0.1:${gateway.ports.control}`, check_answers: 1 })
  await service.prepare([])
  await service.ready()
  const made = await service.expect(201, 'POST', '/api/v1/stations', { id: ID, node_id: service.nodeId })
  key = made.key
  await service.expect(201, 'POST', '/api/v1/keys', { uid: 'TAG1' })
})

after(async () => {
  await station?.close({ force: true }).catch(() => {})
  await service?.stop()
  await gateway?.stop()
  await redis?.stop()
})

describe('commands', { concurrency: false }, () => {
  test('an offline station is told at once, and nothing waits', async () => {
    const answer = await order({ action: 'reset' })
    assert.equal(answer.status, 409)
    assert.equal(answer.json.code, 'offline')
    assert.equal((await api('POST', '/stations/NONE/commands', { action: 'reset' })).status, 404)
  })

  test('the key that was shown once lets the station in', async () => {
    await assert.rejects(connectStation(gateway, ID, 'not the key at all!'))
    station = await connectStation(gateway, ID, key)
    await boot()
    await until('the service sees it', async () => (await api('GET', `/stations/${ID}`)).json.state === 'available')
    assert.equal((await api('GET', `/stations/${ID}`)).json.vendor, 'Test')
  })

  test('accepted, then confirmed by the station itself; every step on the live feed', async () => {
    const live = await service.live()
    const welcome = await live.next('welcome', (one) => one.op === 'welcome')
    assert.ok(welcome.epoch)
    live.send({ op: 'subscribe', id: 1, topic: 'commands' })
    await live.next('the snapshot', (one) => one.op === 'snapshot' && one.id === 1)
    const taken = await order({ action: 'reset', hard: true })
    assert.equal(taken.status, 202, taken.text)
    assert.equal(taken.headers.location, `/api/v1/commands/${taken.json.id}`)
    const accepted = await outcome(taken.json.id, 'accepted')
    assert.equal(accepted.station_words, 'Accepted')
    assert.deepEqual(accepted.params, { hard: true })
    assert.ok(accepted.sent_at && accepted.answered_at && accepted.duration_ms >= 0)
    assert.deepEqual(station.asked.at(-1), { method: 'Reset', params: { type: 'Hard' } })
    await boot()
    const confirmed = await outcome(taken.json.id, 'confirmed')
    assert.ok(confirmed.confirmed && confirmed.confirmed_at)
    assert.equal(confirmed.account_name, 'Admin')
    await live.next('the confirmation on the feed', (one) => one.op === 'delta' &&
      one.data.some((row) => row.id === taken.json.id && row.state === 'confirmed'))
    live.close()
  })

  test('a rejection and words of the station', async () => {
    station.answers.UnlockConnector = { status: 'NotSupported' }
    const taken = await order({ action: 'unlock', connector_id: 1 })
    const done = await outcome(taken.json.id, 'rejected')
    assert.equal(done.station_words, 'NotSupported')
    assert.equal(done.error_code, 'not-supported')
    assert.equal(done.confirmed, false)
    assert.equal((await order({ action: 'unlock' })).json.errors[0].path, 'connector_id')
  })

  test('the same Idempotency-Key orders once', async () => {
    const before = station.asked.length
    const send = () => order({ action: 'trigger', message: 'Heartbeat' }, { 'Idempotency-Key': 'press-1' })
    const [a, b] = await Promise.all([send(), send()])
    assert.equal(a.json.id, b.json.id)
    await outcome(a.json.id, 'accepted')
    await sleep(200)
    assert.equal(station.asked.slice(before).filter((one) => one.method === 'TriggerMessage').length, 1)
  })

  test('start, limit, stop: the transaction shows them', async () => {
    const started = await order({ action: 'remote_start', connector_id: 1, key_uid: 'TAG1' })
    await outcome(started.json.id, 'accepted')
    assert.deepEqual(station.asked.at(-1).params, { connectorId: 1, idTag: 'TAG1' })
    await status(station, 1, 'Preparing')
    const { transactionId } = await station.call('StartTransaction',
      { connectorId: 1, idTag: 'TAG1', meterStart: 1000, timestamp: now() })
    await status(station, 1, 'Charging')
    await outcome(started.json.id, 'confirmed')

    const limit = await order({ action: 'set_limit', connector_id: 1, limit_ma: 10500 })
    await outcome(limit.json.id, 'accepted', 'confirmed')
    const profile = station.asked.at(-1).params.csChargingProfiles
    assert.equal(profile.chargingSchedule.chargingSchedulePeriod[0].limit, 10.5)
    await until('the limit shows', async () => (await api('GET', `/stations/${ID}`)).json.connectors[0].limit_ma === 10500)
    await outcome(limit.json.id, 'confirmed')

    const stop = await order({ action: 'remote_stop' })
    assert.equal(stop.status, 202, stop.text)
    assert.equal(stop.json.connector_id, 1)
    await outcome(stop.json.id, 'accepted')
    assert.deepEqual(station.asked.at(-1), { method: 'RemoteStopTransaction', params: { transactionId } })
    await station.call('StopTransaction', { transactionId, meterStop: 4321, timestamp: now(), reason: 'Remote' })
    await status(station, 1, 'Available')
    await outcome(stop.json.id, 'confirmed')

    const page = await until('the transaction is stored', async () => {
      const { json } = await api('GET', `/transactions?station_id=${ID}&state=finished`)
      return json.total === 1 && json
    })
    assert.equal(page.items[0].id, `${ID}~${transactionId}`)
    assert.equal(page.items[0].energy_wh, 3321)
    assert.deepEqual(page.sum, { energy_wh: 3321 })
    assert.equal(page.items[0].stop_reason, 'Remote')
    assert.equal((await api('GET', `/transactions/${ID}~${transactionId}`)).json.key_uid, 'TAG1')
    assert.equal((await api('GET', `/transactions?min_energy_wh=3322`)).json.total, 0)
    assert.equal((await api('GET', `/transactions/${ID}~${transactionId}/meter-values`)).status, 200)
    assert.equal((await order({ action: 'remote_stop' })).json.code, 'conflict')
  })

  test('out of service and back', async () => {
    for (const [available, word] of [[false, 'Unavailable'], [true, 'Available']]) {
      const taken = await order({ action: 'change_availability', connector_id: 1, available })
      await outcome(taken.json.id, 'accepted')
      await status(station, 1, word)
      await outcome(taken.json.id, 'confirmed')
    }
  })

  test('a restart of the service loses no outcome', async () => {
    let release
    station.answers.Reset = () => new Promise((resolve) => { release = () => resolve({ status: 'Accepted' }) })
    const taken = await order({ action: 'reset' })
    await until('the station was asked', () => release)
    await service.kill()
    release()
    await sleep(300)
    await service.run()
    const done = await outcome(taken.json.id, 'accepted')
    assert.equal(done.station_words, 'Accepted')
    delete station.answers.Reset
    await boot()
    await outcome(taken.json.id, 'confirmed')
    const list = (await api('GET', `/commands?station_id=${ID}&limit=3`)).json
    assert.equal(list.items[0].id, taken.json.id)
    assert.equal(station.asked.filter((one) => one.method === 'Reset').length, 2)
  })

  test('without the control interface the order is refused, and says so', async () => {
    await service.ready()
    await until('the service sees the station', async () => (await api('GET', `/stations/${ID}`)).json.online)
    await gateway.kill()
    const answer = await order({ action: 'reset' })
    assert.ok([502, 409].includes(answer.status), answer.text)
    const doc = (await api('GET', `/commands?station_id=${ID}&limit=1`)).json.items[0]
    if (answer.status === 502) assert.deepEqual([doc.state, doc.error_code], ['rejected', 'control-unreachable'])
    assert.deepEqual(station.violations, [])
  })

  test('an unknown key comes into the inbox and is bound in one step', async () => {
    await gateway.run()
    station = await connectStation(gateway, ID, key)
    await boot()
    const { idTagInfo } = await station.call('Authorize', { idTag: 'stray7' })
    assert.equal(idTagInfo.status, 'Invalid')
    const row = await until('it is in the inbox', async () => (await api('GET', '/keys/unknown')).json.items[0])
    assert.deepEqual([row.id, row.uid, row.station_id], ['STRAY7', 'STRAY7', ID])
    const driver = await service.expect(201, 'POST', '/api/v1/drivers', { name: 'Борис' })
    await service.expect(200, 'POST', '/api/v1/keys/STRAY7/bind', { driver_id: driver.id })
    assert.equal((await api('GET', '/keys/unknown')).json.total, 0)
    assert.equal((await station.call('Authorize', { idTag: 'stray7' })).idTagInfo.status, 'Accepted')
    assert.deepEqual((await api('GET', `/drivers/${driver.id}`)).json.keys, ['STRAY7'])
  })
})
