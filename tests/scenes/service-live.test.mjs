// service-live.test.mjs - the live feed over WSS against the real service: who may open a socket, snapshot
// then deltas, resume, errors, limits, close codes.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Producer } from './support/producer.mjs'
import { RedisServer, sleep, until } from './support/redis.mjs'
import { Service, named } from './support/service.mjs'

let redis, link, producer, service
const stations = ['EV-1', 'EV-2', 'EV-3']

before(async () => {
  redis = await RedisServer.start()
  link = redis.client()
  producer = await Producer.start(link)
  service = await Service.start(redis.url, { live_clients_per_account: 6 })
  await service.prepare(stations)
  for (const cs of stations) {
    await producer.connect(cs)
    await producer.status(cs, 1, 'Available', 'available')
  }
  await service.ready()
})

after(async () => {
  producer?.stop()
  await service?.stop()
  link?.close()
  await redis?.stop()
})

async function open() {
  const client = await service.live()
  return { client, welcome: await client.next('welcome', (m) => m.op === 'welcome') }
}

test('a socket is refused before the upgrade without a session, with a foreign origin, without the subprotocol', async () => {
  const refused = async (options, status) =>
    assert.rejects(service.live(options), (error) => error.status === status, `expected ${status}`)
  await refused({ headers: { Authorization: 'Bearer kwt_wrong' } }, 401)
  await refused({ headers: { Cookie: service.cookie } }, 403)
  await refused({ headers: { Cookie: service.cookie, Origin: 'https://evil.example' } }, 403)
  await refused({ headers: { Cookie: service.cookie, Origin: `https://127.0.0.1:${service.port}.evil.example` } }, 403)
  await refused({ headers: { Cookie: service.cookie, Origin: `http://127.0.0.1:${service.port}` } }, 403)
  await refused({ protocol: 'other.v1' }, 400)
  await refused({ protocol: null }, 400)
  const plain = await service.fetch('GET', '/api/v1/live')
  assert.equal(plain.status, 426)
  const origin = `https://127.0.0.1:${service.port}`
  const client = await service.live({ headers: { Cookie: service.cookie, Origin: origin } })
  assert.match(client.head, /Sec-WebSocket-Protocol: kw\.live\.v1/i)
  client.close()
})

test('a subscription gets a snapshot and then deltas with growing numbers', async () => {
  const { client, welcome } = await open()
  assert.equal(welcome.heartbeat_s, 5)
  client.send({ op: 'subscribe', id: 1, topic: 'stations' })
  const snapshot = await client.next('snapshot', (m) => m.op === 'snapshot' && m.id === 1)
  const rows = named(welcome, 'stations', snapshot)
  assert.deepEqual(rows.map((row) => [row.id, row.state]), stations.map((id) => [id, 'available']))
  await producer.txStart('EV-1', 1, '7001', 'TAG1', 1000)
  await producer.status('EV-1', 1, 'Charging', 'charging')
  await producer.meter('EV-1', 1, '7001', { powerW: 11000, energyWh: 1500, currentA: 16 })
  let seq = snapshot.seq
  let row
  while (!(row?.power_w === 11000 && row.state === 'charging')) {
    const delta = await client.next('delta', (m) => m.op === 'delta' && m.id === 1)
    assert.equal(delta.seq, ++seq, 'numbers grow by one')
    row = named(welcome, 'stations', delta).find((one) => one.id === 'EV-1')
  }
  assert.equal(row.energy_wh, 500)
  assert.deepEqual(row.current_ma, [16000, 16000, 16000])
  assert.equal(row.transaction_id, 'EV-1~7001')
  client.close()
})

test('complex, nodes and feed show the same sum', async () => {
  const { client, welcome } = await open()
  for (const [id, topic] of [[1, 'complex'], [2, 'nodes'], [3, 'feed'], [4, 'transactions']])
    client.send({ op: 'subscribe', id, topic })
  const complex = await client.next('complex', (m) => m.id === 1)
  assert.equal(complex.data.stations.total, 3)
  assert.equal(complex.data.power_w, 11000)
  assert.equal(complex.data.feed.state, 'live')
  const node = named(welcome, 'nodes', await client.next('nodes', (m) => m.id === 2))[0]
  assert.equal(node.power_w, 11000)
  assert.equal((await client.next('feed', (m) => m.id === 3)).data.state, 'live')
  const open4 = await client.next('transactions', (m) => m.id === 4)
  assert.deepEqual(named(welcome, 'transactions', open4).map((row) => row.id), ['EV-1~7001'])
  const rest = await service.expect(200, 'GET', '/api/v1/complex')
  assert.equal(rest.power_w, 11000)
  client.close()
})

test('since with a known number gets the missing deltas; an unknown one or another epoch a snapshot', async () => {
  const first = await open()
  first.client.send({ op: 'subscribe', id: 1, topic: 'stations' })
  const snapshot = await first.client.next('snapshot', (m) => m.op === 'snapshot')
  await producer.meter('EV-1', 1, '7001', { powerW: 7000, energyWh: 1600, currentA: 10 })
  const seen = await first.client.next('delta', (m) => m.op === 'delta')
  first.client.close()
  await producer.meter('EV-1', 1, '7001', { powerW: 6000, energyWh: 1700, currentA: 9 })
  await sleep(200)
  const { client, welcome } = await open()
  assert.equal(welcome.epoch, first.welcome.epoch)
  client.send({ op: 'subscribe', id: 5, topic: 'stations', since: { epoch: welcome.epoch, seq: seen.seq } })
  assert.equal((await client.next('resumed', (m) => m.id === 5)).op, 'resumed')
  const missed = await client.next('delta', (m) => m.op === 'delta' && m.id === 5)
  assert.equal(missed.seq, seen.seq + 1)
  assert.equal(named(welcome, 'stations', missed)[0].power_w, 6000)
  client.send({ op: 'subscribe', id: 6, topic: 'stations', since: { epoch: 'other', seq: snapshot.seq } })
  assert.equal((await client.next('answer to 6', (m) => m.id === 6)).op, 'snapshot')
  client.send({ op: 'subscribe', id: 7, topic: 'stations', since: { epoch: welcome.epoch, seq: 999999 } })
  assert.equal((await client.next('answer to 7', (m) => m.id === 7)).op, 'snapshot')
  client.close()
})

test('pause holds deltas back, resume gives a fresh snapshot, unsubscribe ends', async () => {
  const { client, welcome } = await open()
  client.send({ op: 'subscribe', id: 1, topic: 'stations' })
  await client.next('snapshot', (m) => m.op === 'snapshot')
  client.send({ op: 'pause' })
  client.send({ op: 'ping' })
  await client.next('pong', (m) => m.op === 'pong')
  await producer.meter('EV-1', 1, '7001', { powerW: 5000, energyWh: 1800, currentA: 8 })
  await sleep(300)
  assert.equal(client.messages.filter((m) => m.op === 'delta').length, 0)
  client.send({ op: 'resume' })
  const again = await client.next('snapshot', (m) => m.op === 'snapshot')
  assert.equal(named(welcome, 'stations', again)[0].power_w, 5000)
  client.send({ op: 'unsubscribe', id: 1 })
  client.send({ op: 'ping' })
  await client.next('pong', (m) => m.op === 'pong')
  await producer.meter('EV-1', 1, '7001', { powerW: 5100, energyWh: 1900, currentA: 8 })
  await sleep(300)
  assert.equal(client.messages.filter((m) => m.op === 'delta').length, 0)
  client.close()
})

test('what makes no sense is answered with an error and the socket stays', async () => {
  const { client } = await open()
  const before = await service.metric('kw_live_bad_requests_total')
  const cases = [
    ['{', undefined, 'bad-json'], ['[]', undefined, 'bad-json'], ['{"op":5}', undefined, 'bad-json'],
    [{ op: 'dance', id: 1 }, 1, 'bad-request'], [{ op: 'subscribe', topic: 'stations' }, undefined, 'bad-request'],
    [{ op: 'subscribe', id: 2, topic: 'weather' }, 2, 'unknown-topic'],
    [{ op: 'subscribe', id: 0, topic: 'stations' }, 0, 'bad-request'],
    [{ op: 'subscribe', id: 3, topic: 'stations', filter: { node_id: 'nowhere' } }, 3, 'not-found'],
    [{ op: 'subscribe', id: 4, topic: 'station' }, 4, 'bad-request'],
    [{ op: 'unsubscribe', id: 77 }, 77, 'unknown-id'],
  ]
  for (const [message, id, code] of cases) {
    client.send(message)
    const error = await client.next(`error ${code}`, (m) => m.op === 'error')
    assert.equal(error.code, code, JSON.stringify(message))
    assert.equal(error.id, id, JSON.stringify(message))
  }
  client.send({ op: 'subscribe', id: 9, topic: 'stations' })
  client.send({ op: 'subscribe', id: 9, topic: 'nodes' })
  assert.equal((await client.next('error', (m) => m.op === 'error')).code, 'id-in-use')
  assert.equal(await service.metric('kw_live_bad_requests_total'), before + cases.length + 1)
  client.close()
})

test('heartbeats come within five seconds', async () => {
  const { client } = await open()
  const beat = await client.next('heartbeat', (m) => m.op === 'heartbeat', 6500)
  assert.ok(Math.abs(Date.parse(beat.server_at) - Date.now()) < 5000)
  client.close()
})

test('a token that expires closes its sockets with 4401', async () => {
  const expires = new Date(Date.now() + 2500).toISOString()
  const { token } = await service.expect(201, 'POST', '/api/v1/tokens', { name: 'short', scopes: ['*'], expires_at: expires },
    { Cookie: service.cookie, Origin: `https://127.0.0.1:${service.port}` })
  const client = await service.live({ headers: { Authorization: `Bearer ${token}` } })
  await client.next('welcome', (m) => m.op === 'welcome')
  assert.equal((await client.whenClosed(6000)).code, 4401)
  assert.ok(Date.now() >= Date.parse(expires))
  await assert.rejects(service.live({ headers: { Authorization: `Bearer ${token}` } }), (error) => error.status === 401)
})

test('a binary frame is 1003, a flood 4429, one socket too many 4429, the end of the session 4401', async () => {
  const binary = (await open()).client
  binary.frame(2, 'x')
  assert.equal((await binary.whenClosed()).code, 1003)
  const flood = (await open()).client
  for (let i = 0; i < 60; i++) flood.send({ op: 'ping' })
  assert.equal((await flood.whenClosed()).code, 4429)
  await until('old sockets are gone', async () => (await service.metric('kw_ws_sessions_open{server="api"}')) === 0)
  const held = []
  for (let i = 0; i < 6; i++) held.push((await open()).client)
  const seventh = await service.live()
  assert.equal((await seventh.whenClosed()).code, 4429)
  const origin = `https://127.0.0.1:${service.port}`
  held.pop().close()
  await until('a place is free', async () => (await service.metric('kw_ws_sessions_open{server="api"}')) === 5)
  const browser = await service.live({ headers: { Cookie: service.cookie, Origin: origin } })
  await browser.next('welcome', (m) => m.op === 'welcome')
  const bye = await service.fetch('DELETE', '/api/v1/session', { headers: { Cookie: service.cookie, Origin: origin } })
  assert.ok(bye.status < 300, `${bye.status} ${bye.text}`)
  assert.equal((await browser.whenClosed()).code, 4401)
  for (const client of held) client.close()
})
