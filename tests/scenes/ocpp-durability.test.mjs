// ocpp-durability.test.mjs - what was acknowledged is never lost: Redis away, the gateway killed, both.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Complex, Gateway } from './support/gateway.mjs'
import { sleep, until } from './support/redis.mjs'
import { boot, connectStation, now, rawStation } from './support/station.mjs'

let complex, gateway
before(async () => {
  complex = await Complex.start()
  gateway = await Gateway.start(complex.url)
  await gateway.ready()
  await complex.token('KNOWN')
})
after(async () => {
  await gateway.stop()
  await complex.stop()
})

const meterValue = (wh) => [{ timestamp: now(), sampledValue: [{ value: String(wh), measurand: 'Energy.Active.Import.Register', unit: 'Wh' }] }]

test('Redis away and back: stations are answered, nothing is missing afterwards', { timeout: 60000 }, async () => {
  const key = await complex.station('EV-1')
  const late = await complex.station('EV-LATE')
  let station = await connectStation(gateway, 'EV-1', key)
  await boot(station)
  assert.equal((await station.call('Authorize', { idTag: 'KNOWN' })).idTagInfo.status, 'Accepted')
  await sleep(200)
  await complex.away('SIGKILL')
  await until('the gateway sees it', async () => (await (await gateway.http('/healthz')).json()).redis === 'away')
  assert.equal((await station.call('Authorize', { idTag: 'KNOWN' })).idTagInfo.status, 'Accepted', 'as it was last time')
  assert.equal((await station.call('Authorize', { idTag: 'NEVERSEEN' })).idTagInfo.status, 'Invalid')
  const { transactionId } = await station.call('StartTransaction', { connectorId: 1, idTag: 'KNOWN', meterStart: 5, timestamp: now() })
  await station.call('MeterValues', { connectorId: 1, transactionId, meterValue: meterValue(50) })
  await station.close()
  station = await connectStation(gateway, 'EV-1', key) // its key is known from before
  const unknown = rawStation(gateway, 'EV-LATE', late)
  const wrong = rawStation(gateway, 'EV-1', 'wrong key')
  await Promise.all([unknown.settled(), wrong.settled()])
  assert.deepEqual([unknown.refused?.status, wrong.refused?.status], [503, 503], 'no verdict on anybody without Redis')
  await station.call('StopTransaction', { transactionId, meterStop: 105, timestamp: now() })
  assert.equal((await gateway.http('/readyz')).status, 200)
  await complex.back()
  const ended = await complex.event('tx.ended', 'EV-1', () => true, 20000)
  assert.equal(ended.d.energyWh, 100)
  assert.equal((await complex.events('tx.started', 'EV-1')).length, 1)
  assert.equal((await complex.stream('mv')).filter((one) => one.cs === 'EV-1').length, 1)
  const numbers = (await complex.stream('ev')).map((one) => Number(one.n))
  assert.deepEqual(numbers, numbers.map((_, at) => at + 1), 'numbered without a hole')
  await station.close()
})

test('kill -9 between fsync and Redis, then again: nothing lost, nothing doubled', { timeout: 90000 }, async () => {
  const key = await complex.station('EV-K')
  let station = await connectStation(gateway, 'EV-K', key)
  await boot(station)
  await complex.away('SIGKILL') // so that nothing can be drained
  const { transactionId } = await station.call('StartTransaction', { connectorId: 2, idTag: 'KNOWN', meterStart: 0, timestamp: now() })
  for (let i = 1; i <= 20; i++) await station.call('MeterValues', { connectorId: 2, transactionId, meterValue: meterValue(i * 10) })
  await gateway.kill()
  await gateway.run() // Redis is still away: the state is the journal's
  station = await connectStation(gateway, 'EV-K', key)
  await station.call('StopTransaction', { transactionId, meterStop: 321, timestamp: now() })
  const next = await station.call('StartTransaction', { connectorId: 2, idTag: 'KNOWN', meterStart: 321, timestamp: now() })
  assert.ok(next.transactionId > transactionId, 'a number is never given twice')
  await gateway.kill()
  await complex.back()
  await gateway.run()
  const ended = await complex.event('tx.ended', 'EV-K', () => true, 20000)
  assert.deepEqual([ended.tx, ended.d.energyWh], [String(transactionId), 321])
  await complex.event('tx.started', 'EV-K', (event) => event.tx === String(next.transactionId))
  await until('all samples', async () => (await complex.stream('mv')).filter((one) => one.cs === 'EV-K').length >= 20)
  await sleep(300)
  assert.equal((await complex.stream('mv')).filter((one) => one.cs === 'EV-K').length, 20)
  assert.equal((await complex.events('tx.started', 'EV-K')).length, 2)
  assert.equal((await complex.events('tx.ended', 'EV-K')).length, 1)
  await until('the station is away', async () => (await complex.hash('station:EV-K')).connected === '0')
  await gateway.kill() // everything is in Redis: a third start repeats nothing
  await gateway.run()
  await gateway.ready()
  await sleep(500)
  assert.equal((await complex.events('tx.started', 'EV-K')).length, 2)
  assert.equal((await complex.stream('mv')).filter((one) => one.cs === 'EV-K').length, 20)
})

test('more events than memory should hold wait on the disk, in order', { timeout: 120000 }, async () => {
  const key = await complex.station('EV-M')
  const station = rawStation(gateway, 'EV-M', key)
  await station.settled()
  await complex.away('SIGKILL')
  const from = Date.now() - 3600 * 1000
  for (let i = 0; i < 30; i++) {
    const meterValue = Array.from({ length: 1000 }, (_, at) => ({ timestamp: new Date(from + i * 1000 + at).toISOString(), sampledValue: [{ value: String(i * 1000 + at) }] }))
    station.send([2, `m${i}`, 'MeterValues', { connectorId: 1, meterValue }])
    assert.deepEqual(await station.reply(`m${i}`), [3, `m${i}`, {}])
  }
  assert.match(gateway.log, /more of them stay on the disk/)
  assert.ok(await gateway.metric('kw_writer_backlog') < 22000)
  await gateway.kill() // and a start with such a backlog
  await gateway.run()
  await complex.back()
  await until('all of them', async () => await gateway.metric('kw_writer_backlog') === 0 && (await complex.call('XLEN', 'kw:1:mv')) >= 30000, 60000)
  await sleep(500)
  const values = (await complex.stream('mv')).filter((one) => one.cs === 'EV-M').map((one) => one.d.s[0].v)
  assert.deepEqual(values, Array.from({ length: 30000 }, (_, at) => at), 'none missing, none twice, in order')
  station.ws.terminate()
})

test('a Redis that lost everything gets the snapshot again, under a new epoch', { timeout: 60000 }, async () => {
  const key = await complex.station('EV-R')
  const station = await connectStation(gateway, 'EV-R', key)
  await boot(station)
  const { transactionId } = await station.call('StartTransaction', { connectorId: 1, idTag: 'KNOWN', meterStart: 7, timestamp: now() })
  await until('the transaction', async () => (await complex.hash(`tx:EV-R:${transactionId}`)).startTs)
  const before = (await complex.hash('meta')).epoch
  await complex.call('FLUSHALL')
  await complex.away('SIGTERM')
  await complex.back()
  const meta = await until('a new epoch', async () => {
    const found = await complex.hash('meta')
    return found.epoch && found.epoch !== before && found
  }, 20000)
  assert.equal(meta.contract, 'kw')
  const about = await complex.hash('station:EV-R')
  assert.deepEqual([about.vendor, about.connected], ['ACME', '1'])
  assert.equal((await complex.hash(`tx:EV-R:${transactionId}`)).meterStartWh, '7')
  assert.equal((await complex.hash('conn:EV-R:1:1')).txId, String(transactionId))
  assert.ok(await complex.call('ZSCORE', 'kw:1:tx:active', `EV-R|${transactionId}`))
  await complex.event('gw.started', '', (event) => event.d.epoch === meta.epoch)
  await station.close()
})

test('orders: what waited goes on after a restart, what was sent has an unknown outcome', { timeout: 60000 }, async () => {
  const key = await complex.station('EV-O')
  const waiting = await gateway.order('EV-O', 'o1', { command: 'unlock', evseId: 1, deadlineMs: 60000 })
  const quiet = rawStation(gateway, 'EV-Q', await complex.station('EV-Q'))
  await quiet.settled()
  quiet.send([2, 'b', 'BootNotification', { chargePointVendor: 'V', chargePointModel: 'M' }])
  await quiet.reply('b')
  const sent = await gateway.order('EV-Q', 'o2', { command: 'reset' })
  await until('it is on the wire', () => quiet.frames.find((frame) => frame[0] === 2))
  await gateway.kill()
  await gateway.run()
  await gateway.ready()
  const lost = (await gateway.api('GET', `/v1/commands/${sent.json.commandId}`)).json
  assert.deepEqual([lost.state, lost.errorCode], ['timeout', 'GatewayRestarted'])
  assert.equal((await gateway.order('EV-O', 'o1', { command: 'unlock', evseId: 1, deadlineMs: 60000 })).status, 200)
  const station = await connectStation(gateway, 'EV-O', key)
  station.answers.UnlockConnector = { status: 'Unlocked' }
  await boot(station)
  await until('it is carried out', async () => (await gateway.api('GET', `/v1/commands/${waiting.json.commandId}`)).json.state === 'accepted')
  await station.close()
})

test('checkpoints are made while messages come; a kill afterwards forgets nothing', { timeout: 60000 }, async () => {
  const other = await Gateway.start(complex.url, { checkpoint_records: 100, gateway_id: 'gw2' })
  await other.ready()
  const key = await complex.station('EV-C')
  let station = rawStation(other, 'EV-C', key)
  await station.settled()
  const file = join(other.folder, 'journal', 'checkpoint')
  const start = { connectorId: 1, idTag: 'KNOWN', meterStart: 1, timestamp: now() }
  station.send([2, 'start', 'StartTransaction', start])
  const first = (await station.reply('start'))[2]
  for (let i = 0; !existsSync(file); i++) {
    assert.ok(i < 3000, 'no checkpoint')
    station.send([2, `s${i}`, 'StatusNotification', { connectorId: 1 + i % 3, status: 'Available', errorCode: 'NoError', timestamp: new Date(Date.now() + i).toISOString() }])
    await station.reply(`s${i}`)
  }
  station.send([2, 'start2', 'StartTransaction', { ...start, connectorId: 2 }]) // after the checkpoint
  const second = (await station.reply('start2'))[2]
  await other.kill()
  await other.run()
  assert.match(other.log, /state is back/)
  station = rawStation(other, 'EV-C', key)
  await station.settled()
  station.send([2, 'again', 'StartTransaction', start])
  station.send([2, 'again2', 'StartTransaction', { ...start, connectorId: 2 }])
  station.send([2, 'new', 'StartTransaction', { ...start, connectorId: 3 }])
  assert.deepEqual([(await station.reply('again'))[2], (await station.reply('again2'))[2]], [first, second])
  assert.ok((await station.reply('new'))[2].transactionId > second.transactionId)
  station.ws.terminate()
  await other.stop()
})

test('a clean stop: stations are told, Redis knows, the next start is quiet', { timeout: 60000 }, async () => {
  const key = await complex.station('EV-S')
  const station = rawStation(gateway, 'EV-S', key)
  await station.settled()
  await until('connected', async () => (await complex.hash('station:EV-S')).connected === '1')
  await gateway.end()
  assert.equal(station.closed?.code, 1012)
  assert.equal((await complex.hash('station:EV-S')).connected, '0')
  await gateway.run()
  await gateway.ready()
  assert.match(gateway.log, /"records":0,"records_to_send":\d+/)
})
