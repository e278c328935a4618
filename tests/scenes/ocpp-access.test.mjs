// ocpp-access.test.mjs - who gets in: keys, unknown identities, profiles, protocols, the second connection.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Complex, Gateway } from './support/gateway.mjs'
import { sleep, until } from './support/redis.mjs'
import { boot, connectStation, rawStation } from './support/station.mjs'

let complex, gateway
before(async () => {
  complex = await Complex.start()
  gateway = await Gateway.start(complex.url, { ocpps_port: 0 })
  await gateway.ready()
})
after(async () => {
  await gateway.stop()
  await complex.stop()
})

async function refusal(...args) {
  const began = performance.now()
  const station = rawStation(gateway, ...args)
  await station.settled()
  assert.ok(station.refused, `let in: ${JSON.stringify(station.closed)}`)
  const { date, ...headers } = station.refused.headers
  assert.ok(date)
  return { status: station.refused.status, headers, body: station.refused.body, ms: performance.now() - began }
}

test('wrong key and unknown identity: the same 401, byte by byte', async () => {
  await complex.station('EV-1')
  const wrong = await refusal('EV-1', 'not the key of it')
  const unknown = await refusal('EV-9999', 'not the key of it')
  const nothing = await refusal('EV-1', undefined)
  const other = await refusal('EV-1', 'x', { user: 'EV-2' })
  const impossible = await refusal('a%3Ab', 'x')
  assert.equal(wrong.status, 401)
  for (const one of [unknown, nothing, other, impossible])
    assert.deepEqual({ ...one, ms: 0 }, { ...wrong, ms: 0 })
  assert.equal(wrong.headers['www-authenticate'], 'Basic realm="ocpp"')
  assert.equal(await gateway.metric('kw_gateway_faults_total{kind="auth-wrong-key"}'), 1)
  assert.equal(await gateway.metric('kw_gateway_faults_total{kind="auth-unknown-identity"}'), 1)
  const { json } = await gateway.api('GET', '/v1/unknown-stations')
  assert.deepEqual(json.items.map((item) => [item.cs, item.attempts]), [['EV-9999', 1]])
  assert.equal((await complex.events('station.connected')).length, 0)
})

test('the path: deep, encoded, with a slash at its end', async () => {
  const key = await complex.station('RDAM 123')
  for (const path of ['ocpp/v16/RDAM%20123', 'RDAM%20123/']) {
    const station = rawStation(gateway, path, key, { user: 'RDAM 123' })
    await station.settled()
    assert.ok(station.open, path)
    station.send([2, '1', 'Heartbeat', {}])
    assert.equal((await station.reply('1'))[0], 3)
    station.ws.close()
    await until('closed', () => station.closed)
    await until('away', async () => (await complex.hash('station:RDAM 123')).connected === '0')
  }
})

test('subprotocols: ours among many, none in common, none at all', async () => {
  const key = await complex.station('EV-PROTO')
  const many = rawStation(gateway, 'EV-PROTO', key, { protocols: ['ocpp2.0.1', 'ocpp1.6'] })
  await many.settled()
  assert.equal(many.ws.protocol, 'ocpp1.6')
  many.ws.close()
  await until('closed', () => many.closed)
  for (const protocols of [['ocpp2.0.1'], []]) {
    const station = rawStation(gateway, 'EV-PROTO', key, { protocols })
    await until('it is turned away', () => station.closed)
  }
  assert.equal(await gateway.metric('kw_gateway_faults_total{kind="no-protocol"}'), 2)
  const plain = await fetch(`http://127.0.0.1:${gateway.ports.ocpp}/EV-PROTO`)
  assert.equal(plain.status, 426)
})

test('profile 2: wss with the self-signed certificate; its key is refused in the clear', async () => {
  const key = await complex.station('EV-TLS', { securityProfile: 2 })
  const station = rawStation(gateway, 'EV-TLS', key, { endpoint: gateway.secureEndpoint })
  await station.settled()
  assert.ok(station.open)
  await until('securityProfile', async () => (await complex.hash('station:EV-TLS')).securityProfile === '2')
  station.ws.close()
  assert.equal((await refusal('EV-TLS', key)).status, 401)
  assert.equal(await gateway.metric('kw_gateway_faults_total{kind="auth-needs-tls"}'), 1)
})

test('SIGHUP: a new certificate for new connections, the old one when the new one is broken', async () => {
  const key = await complex.station('EV-HUP', { securityProfile: 2 })
  const station = rawStation(gateway, 'EV-HUP', key, { endpoint: gateway.secureEndpoint })
  await station.settled()
  const [cert, keyFile] = ['ocpp-cert.pem', 'ocpp-key.pem'].map((name) => join(gateway.folder, 'tls', name))
  const fingerprint = () => execFileSync('sh', ['-c', `echo | openssl s_client -connect 127.0.0.1:${gateway.ports.ocpps} 2>/dev/null | openssl x509 -noout -fingerprint`]).toString()
  const before = fingerprint()
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', keyFile,
    '-out', cert, '-days', '2', '-subj', '/CN=new'], { stdio: 'ignore' })
  gateway.process.kill('SIGHUP')
  await until('the new certificate', () => fingerprint() !== before)
  const renewed = fingerprint()
  const good = readFileSync(cert)
  writeFileSync(cert, 'broken')
  gateway.process.kill('SIGHUP')
  await until('a word in the log', () => gateway.log.includes('the old certificate stays'))
  assert.equal(fingerprint(), renewed)
  writeFileSync(cert, good)
  assert.ok(!station.closed, 'open connections stay')
  station.ws.close()
})

test('profile 0 only where it is allowed', async () => {
  await complex.station('EV-OPEN', { securityProfile: 0 })
  assert.equal((await refusal('EV-OPEN', undefined)).status, 401)
  const open = await Gateway.start(complex.url, { allow_profile_0: 1, gateway_id: 'gw2' })
  await open.ready()
  const station = rawStation(open, 'EV-OPEN', undefined)
  await station.settled()
  assert.ok(station.open)
  station.ws.close()
  const key = await complex.station('EV-SHUT')
  const shut = rawStation(open, 'EV-SHUT', undefined)
  await shut.settled()
  assert.equal(shut.refused?.status, 401, `profile 1 needs its key: ${key.length}`)
  await open.stop()
})

test('a second connection: the living one stays, the rival is told 1008', async () => {
  const key = await complex.station('EV-TWO')
  const first = rawStation(gateway, 'EV-TWO', key)
  await first.settled()
  const rival = rawStation(gateway, 'EV-TWO', key)
  await until('the rival is turned away', () => rival.closed)
  assert.equal(rival.closed.code, 1008)
  first.send([2, '1', 'Heartbeat', {}])
  assert.equal((await first.reply('1'))[0], 3)
  const event = await complex.event('security.event', 'EV-TWO')
  assert.equal(event.d.type, 'SecondConnection')
  assert.equal(await gateway.metric('kw_gateway_rivals_total'), 1)
  const stranger = rawStation(gateway, 'EV-TWO', 'not its key at all')
  await stranger.settled()
  assert.ok(!first.closed, 'who has not proved who it is never touches the table')
  first.ws.close()
  await until('closed', () => first.closed)
})

test('a second connection: a silent one is replaced, its late end does not touch the new one', async () => {
  const key = await complex.station('EV-DEAD')
  const dead = rawStation(gateway, 'EV-DEAD', key, { autoPong: false })
  await dead.settled()
  dead.ws.pause()
  const began = performance.now()
  const next = rawStation(gateway, 'EV-DEAD', key)
  await next.settled()
  assert.ok(next.open)
  assert.ok(performance.now() - began > 1500, 'the old one had its two seconds')
  next.send([2, '1', 'Heartbeat', {}])
  assert.equal((await next.reply('1'))[0], 3)
  await sleep(2500)
  assert.equal((await complex.hash('station:EV-DEAD')).connected, '1')
  const ends = await complex.events('station.disconnected', 'EV-DEAD')
  assert.equal(ends.length, 1)
  const connects = await complex.events('station.connected', 'EV-DEAD')
  assert.ok(connects[1].d.conGen > connects[0].d.conGen)
  assert.equal(ends[0].d.conGen, connects[0].d.conGen)
  assert.equal(await gateway.metric('kw_gateway_replaced_total'), 1)
  dead.ws.terminate()
  next.ws.terminate()
})

test('beyond loopback the control API needs its token', async () => {
  await assert.rejects(Gateway.start(complex.url, { control_host: '0.0.0.0' }), /control_token/)
  const other = await Gateway.start(complex.url, { control_token: 'a-long-token', gateway_id: 'gw3' })
  assert.equal((await other.api('GET', '/v1/stations')).status, 401)
  assert.equal((await other.api('GET', '/v1/stations', undefined, { Authorization: 'Bearer wrong' })).status, 401)
  assert.equal((await other.api('GET', '/v1/stations', undefined, { Authorization: 'Bearer a-long-token' })).status, 200)
  assert.equal((await other.http('/healthz')).status, 200)
  assert.equal((await other.http('/metrics')).status, 401)
  await other.stop()
})

// the last one: this address is slow for a minute afterwards
test('guessing gets slow, and the real station gets in meanwhile', { timeout: 40000 }, async () => {
  const key = await complex.station('EV-REAL')
  const guesses = Array.from({ length: 20 }, (_, i) => refusal('EV-REAL', `guess ${i}`))
  const statuses = (await Promise.all(guesses)).map((one) => ({ status: one.status, slow: one.ms > 900 }))
  assert.ok(statuses.filter((one) => one.slow).length >= 4, JSON.stringify(statuses))
  const late = Array.from({ length: 6 }, (_, i) => refusal('EV-REAL', `late ${i}`))
  const station = await connectStation(gateway, 'EV-REAL', key)
  await boot(station)
  await station.close()
  await Promise.all(late)
})
