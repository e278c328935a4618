// ocpp-trouble.test.mjs - a gateway in the middle of everything: stopped, its Redis frozen, its stations gone.
// Every end must be clean: exit status 0 and nothing left behind (the address sanitizer looks).
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Complex, Gateway } from './support/gateway.mjs'
import { sleep, until } from './support/redis.mjs'
import { boot, connectStation, now, rawStation } from './support/station.mjs'

let complex
before(async () => {
  complex = await Complex.start()
  await complex.token('TAG')
})
after(() => complex.stop())

test('stopped with everything under way', { timeout: 60000 }, async () => {
  const gateway = await Gateway.start(complex.url)
  await gateway.ready()
  const key = await complex.station('EV-1')
  const station = rawStation(gateway, 'EV-1', key, { autoPong: false })
  await station.settled()
  station.send([2, 'b', 'BootNotification', { chargePointVendor: 'V', chargePointModel: 'M' }])
  await station.reply('b')
  const guesses = Array.from({ length: 16 }, (_, i) => rawStation(gateway, 'EV-1', `guess ${i}`)) // some answers are late
  await gateway.order('EV-1', 't1', { command: 'unlock', evseId: 1 }) // will not be answered
  await gateway.order('EV-1', 't2', { command: 'reset' }) // waits behind it
  await gateway.order('EV-1', 't3', { command: 'getConfig' })
  const away = await complex.station('EV-AWAY')
  assert.ok(away)
  await gateway.order('EV-AWAY', 't4', { command: 'reset', deadlineMs: 60000 })
  const rival = rawStation(gateway, 'EV-1', key) // waits for the old one's two seconds
  for (let i = 0; i < 30; i++) station.send([2, `s${i}`, 'StatusNotification', { connectorId: 1, status: 'Available', errorCode: 'NoError', timestamp: new Date(Date.now() + i).toISOString() }])
  await sleep(300)
  const began = performance.now()
  await gateway.end()
  assert.ok(performance.now() - began < 9000, 'within its time')
  await until('all are told', () => station.closed && (rival.closed || rival.refused) && guesses.every((one) => one.refused || one.closed))
  await gateway.stop()
})

test('stations that vanish while their messages are handled', { timeout: 60000 }, async () => {
  const gateway = await Gateway.start(complex.url)
  await gateway.ready()
  const key = await complex.station('EV-2')
  for (let round = 0; round < 15; round++) {
    const station = rawStation(gateway, 'EV-2', key)
    await station.settled()
    if (station.refused || station.closed) continue
    const start = { connectorId: 1, idTag: 'TAG', meterStart: round, timestamp: now() }
    for (let i = 0; i < 5; i++) station.send([2, `a${i}`, 'Authorize', { idTag: `T${round}${i}` }])
    station.send([2, 'x', 'StartTransaction', start])
    await sleep(round)
    if (round % 2) station.ws.terminate()
    else station.ws.close()
    await until('closed', () => station.closed)
    await until('gone', async () => (await complex.hash('station:EV-2')).connected === '0')
  }
  // what was read was handled, although nobody waited for the answer
  assert.ok((await complex.events('tx.started', 'EV-2')).length >= 5)
  assert.equal(await gateway.metric('kw_gateway_stations_connected'), 0)
  await gateway.stop()
})

test('a frozen Redis: messages go on, tags are answered from memory', { timeout: 60000 }, async () => {
  const gateway = await Gateway.start(complex.url)
  await gateway.ready()
  const key = await complex.station('EV-3')
  const station = await connectStation(gateway, 'EV-3', key)
  await boot(station)
  await station.call('Authorize', { idTag: 'TAG' })
  complex.server.process.kill('SIGSTOP')
  try {
    const began = performance.now()
    await station.call('StatusNotification', { connectorId: 1, status: 'Available', errorCode: 'NoError', timestamp: now() })
    assert.ok(performance.now() - began < 1000)
    assert.equal((await station.call('Authorize', { idTag: 'TAG' })).idTagInfo.status, 'Accepted')
    assert.ok(performance.now() - began < 8000)
    await station.call('Heartbeat', {})
  } finally {
    complex.server.process.kill('SIGCONT')
  }
  await complex.event('connector.status', 'EV-3', () => true, 20000)
  assert.deepEqual(station.violations, [])
  await station.close()
  await gateway.stop()
})

test('a key that is taken away ends the connection', { timeout: 90000 }, async () => {
  const gateway = await Gateway.start(complex.url, { key_check_s: 1 })
  await gateway.ready()
  const key = await complex.station('EV-4')
  const station = rawStation(gateway, 'EV-4', key)
  await station.settled()
  await complex.call('HSET', 'kw:1:auth:EV-4', 'disabled', 1)
  await until('closed', () => station.closed)
  assert.equal(station.closed.code, 1008)
  const again = rawStation(gateway, 'EV-4', key)
  await again.settled()
  assert.equal(again.refused?.status, 401)
  await gateway.stop()
})

test('a bad configuration is refused with its rule', async () => {
  await assert.rejects(Gateway.start(complex.url, { ocpp_port: -1 }), /both off/)
  await assert.rejects(Gateway.start(complex.url, { ocpp_port: 70000 }), /ocpp_port: expected integer -1\.\.65535/)
  await assert.rejects(Gateway.start('http://x', {}), /Redis URL: write redis/)
  const gateway = await Gateway.start(complex.url)
  await assert.rejects(Gateway.start(complex.url, { control_port: gateway.ports.control }), /in use/i)
  await gateway.stop()
})

test('quirks of the site: used, read again by SIGHUP, refused when they are wrong', { timeout: 60000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kw-site-'))
  mkdirSync(join(folder, 'ocpp'))
  const file = join(folder, 'ocpp', 'quirks.lua')
  writeFileSync(file, 'return { { vendor = "^acme", scale = { ["Power.Active.Import"] = 10 } } }')
  const gateway = await Gateway.start(complex.url, { site_dir: folder })
  await gateway.ready()
  const station = await connectStation(gateway, 'EV-5', await complex.station('EV-5'))
  await boot(station)
  const power = async (value) => {
    await station.call('MeterValues', { connectorId: 1, meterValue: [{ timestamp: now(), sampledValue: [{ value: String(value), measurand: 'Power.Active.Import', unit: 'W' }] }] })
    return until('a power', async () => (await complex.hash('conn:EV-5:1:1')).powerW)
  }
  assert.equal(await power(500), '5000')
  writeFileSync(file, 'return { { vendor = "^acme", scale = { ["Power.Active.Import"] = "ten" } } }')
  gateway.process.kill('SIGHUP')
  await until('a word in the log', () => gateway.log.includes('scale of Power.Active.Import must be a number'))
  const health = await (await gateway.http('/healthz')).json()
  assert.equal(health.status, 'degraded')
  assert.match(JSON.stringify(health.site), /scale of Power/)
  await complex.call('HDEL', 'kw:1:conn:EV-5:1:1', 'powerW')
  assert.equal(await power(501), '5010', 'those of before stay')
  writeFileSync(file, 'return {}')
  gateway.process.kill('SIGHUP')
  await until('well again', async () => (await (await gateway.http('/healthz')).json()).status === 'ok')
  await complex.call('HDEL', 'kw:1:conn:EV-5:1:1', 'powerW')
  assert.equal(await power(502), '502')
  await station.close()
  await gateway.stop()
  rmSync(folder, { recursive: true })
})
