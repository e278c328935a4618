// service-feed.test.mjs - from the complex's streams into model and history: nothing lost, nothing twice,
// nothing silently dropped.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Producer } from './support/producer.mjs'
import { RedisServer, sleep, until } from './support/redis.mjs'
import { Service } from './support/service.mjs'
import { sql } from './support/sqlite.mjs'

let redis, link, producer, service
const stations = ['EV-1', 'EV-2', 'EV-3']

before(async () => {
  redis = await RedisServer.start()
  link = redis.client()
  producer = await Producer.start(link, 'first-epoch')
  service = await Service.start(redis.url, { zone: 'Europe/Moscow' })
  await service.prepare(stations)
  for (const cs of stations) await producer.connect(cs)
  await service.ready()
})

after(async () => {
  producer?.stop()
  await service?.stop()
  link?.close()
  await redis?.stop()
})

const one = (query) => sql(service.folder, query)[0]

/** Everything that was written to both streams is in the database. */
async function caughtUp() {
  const ev = Number((await link.call('GET', 'kw:1:n:ev')) ?? 0)
  const mv = Number((await link.call('GET', 'kw:1:n:mv')) ?? 0)
  await until('the database has caught up', () => {
    const cursor = one('SELECT ev_n, mv_n FROM feed_cursor')
    return cursor && cursor.ev_n >= ev && cursor.mv_n >= mv
  }, 20000)
  return { ev, mv }
}

test('what the gateway wrote before the service came is history too', async () => {
  await caughtUp()
  assert.equal(one("SELECT count(*) AS count FROM events WHERE type='station.connected'").count, 3)
})

test('a transaction is stored once with its exact Wh, driver, samples and statuses', async () => {
  await producer.status('EV-1', 1, 'Charging', 'charging')
  await producer.txStart('EV-1', 1, '1', 'TAG1', 10000)
  for (let i = 1; i <= 4; i++) {
    await producer.meter('EV-1', 1, '1', { powerW: 11000, energyWh: 10000 + i * 100, currentA: 16 })
    await sleep(3)
  }
  await producer.txEnd('EV-1', 1, '1', 'TAG1', 10450, 450)
  await caughtUp()
  const row = one("SELECT * FROM transactions WHERE id='EV-1~1'")
  assert.equal(row.state, 'finished')
  assert.equal(row.energy_wh, 450)
  assert.equal(row.meter_start_wh, 10000)
  assert.equal(row.meter_stop_wh, 10450)
  assert.equal(row.key_uid, 'TAG1')
  assert.equal(row.stop_reason, 'EVDisconnected')
  assert.equal(row.max_power_w, 11000)
  assert.equal(row.node_id, service.nodeId)
  assert.equal(one("SELECT count(*) AS count FROM meter_samples WHERE transaction_id='1'").count, 20)
  assert.equal(one("SELECT count(*) AS count FROM status_history WHERE station_id='EV-1'").count, 1)
  const complex = await service.expect(200, 'GET', '/api/v1/complex')
  assert.equal(complex.energy_today_wh, 450)
})

test('bad entries are counted, named in the log, and nothing else is lost', async () => {
  const before = await service.metric('kw_feed_bad_entries_total')
  const bad = [
    [{ type: '' }, {}], [{ d: 1 }, '{"status":'], [{ v: 2 }, {}], [{ cs: 'x'.repeat(60) }, {}], [{ evse: 'one' }, {}],
    [{ ts: 'yesterday' }, {}],
  ]
  for (const [fields, d] of bad) await producer.entry('connector.status', { cs: 'EV-2', evse: 1, con: 1, ...fields }, d)
  await producer.status('EV-2', 1, 'Faulted', 'faulted', 'GroundFailure')
  await until('the good one is applied', async () =>
    (await service.expect(200, 'GET', '/api/v1/complex')).stations.faulted === 1)
  assert.equal(await service.metric('kw_feed_bad_entries_total'), before + bad.length)
  assert.equal(await service.metric('kw_feed_gaps_total'), 0)
  assert.match(service.log, /field d: not a valid JSON object/)
  await producer.status('EV-2', 1, 'Available', 'available')
})

test('an event that the model refuses is counted and stays in history', async () => {
  await producer.status('EV-2', 5000, 'Available', 'available')
  await caughtUp()
  assert.equal(await service.metric('kw_feed_refused_total{reason="invalid"}'), 1)
  assert.equal(one('SELECT count(*) AS count FROM events WHERE connector_id=5000').count, 1)
})

test('a station that nobody declared is in history but in no count', async () => {
  const { charging } = (await service.expect(200, 'GET', '/api/v1/complex')).stations
  await producer.connect('STRANGER')
  await producer.status('STRANGER', 1, 'Charging', 'charging')
  await caughtUp()
  const complex = await service.expect(200, 'GET', '/api/v1/complex')
  assert.equal(complex.stations.total, 3)
  assert.equal(complex.stations.charging, charging)
})

test('a gap is counted, written down, and healed by a snapshot', async () => {
  const snapshots = await service.metric('kw_feed_snapshots_total')
  await link.call('INCRBY', 'kw:1:n:ev', 5)
  await link.call('HSET', 'kw:1:conn:EV-3:1:1', 'status', 'Reserved', 'state', 'reserved', 'statusTs', Date.now())
  await producer.entry('station.event', { cs: 'EV-3' }, {})
  await until('the snapshot shows what the lost event said', async () =>
    (await service.expect(200, 'GET', '/api/v1/complex')).stations.reserved === 1)
  assert.equal(await service.metric('kw_feed_gaps_total'), 1)
  assert.equal(await service.metric('kw_feed_missing_events_total'), 5)
  assert.equal(await service.metric('kw_feed_snapshots_total'), snapshots + 1)
  await caughtUp()
  assert.match(one("SELECT detail FROM events WHERE type='feed.gap'").detail, /"stream":"ev"/)
})

test('the end of a transaction that was in a gap is taken from its hash', async () => {
  await producer.txStart('EV-3', 1, 'G1', 'TAG1', 5000)
  await producer.meter('EV-3', 1, 'G1', { powerW: 7000, energyWh: 5100, currentA: 10 })
  await producer.txStart('EV-2', 1, 'G2', 'TAG1', 100) // still charging: stays open
  await caughtUp()
  assert.equal(one("SELECT state FROM transactions WHERE id='EV-3~G1'").state, 'active')
  const now = Date.now()
  await link.call('HSET', 'kw:1:tx:EV-3:G1', 'endTs', now, 'meterStopWh', 5250, 'energyWh', 250, 'stoppedReason', 'Local', 'quality', 'ok', 'lastTs', now)
  await link.call('ZREM', 'kw:1:tx:active', 'EV-3|G1')
  await link.call('HDEL', 'kw:1:conn:EV-3:1:1', 'txId', 'idToken')
  await link.call('INCRBY', 'kw:1:n:ev', 1)
  await producer.entry('station.event', { cs: 'EV-3' }, {})
  await until('the transaction has ended', () => one("SELECT state FROM transactions WHERE id='EV-3~G1'").state === 'finished', 15000)
  const row = one("SELECT * FROM transactions WHERE id='EV-3~G1'")
  assert.deepEqual([row.stopped_ms, row.meter_stop_wh, row.energy_wh, row.stop_reason], [now, 5250, 250, 'Local'])
  assert.equal(one("SELECT state FROM transactions WHERE id='EV-2~G2'").state, 'active')
  await producer.txEnd('EV-2', 1, 'G2', 'TAG1', 300, 200)
  await caughtUp()
})

test('kill -9 under load, again and again: every event, sample and transaction exactly once', async () => {
  const seen = await caughtUp()
  const gaps = one("SELECT count(*) AS count FROM events WHERE type='feed.gap'").count
  const register = { 'EV-1': 10450, 'EV-2': 20000, 'EV-3': 30000 }
  let writing = true
  let count = 0
  const load = (async () => {
    while (writing) {
      const cs = stations[count % 3]
      const tx = `K${count}`
      const start = register[cs]
      register[cs] += 100 + (count % 7)
      await producer.txStart(cs, 1, tx, 'TAG1', start)
      await producer.meter(cs, 1, tx, { powerW: 7000, energyWh: start + 40, currentA: 10 })
      await sleep(2)
      await producer.meter(cs, 1, tx, { powerW: 7100, energyWh: start + 90, currentA: 10 })
      await producer.txEnd(cs, 1, tx, 'TAG1', register[cs], 100 + (count % 7))
      count++
      await sleep(2)
    }
  })()
  for (let round = 0; round < 5; round++) {
    await sleep(150 + Math.random() * 500)
    await service.kill()
    await service.run()
  }
  writing = false
  await load
  const now = await caughtUp()
  assert.ok(count > 50, `only ${count} transactions were written`)
  const expected = Array.from({ length: count }, (_, i) => 100 + (i % 7)).reduce((a, b) => a + b, 0)
  const sums = one("SELECT count(*) AS count, sum(energy_wh) AS energy, sum(state='finished') AS finished " +
    "FROM transactions WHERE transaction_id LIKE 'K%'")
  assert.deepEqual(sums, { count, energy: expected, finished: count })
  const events = one(`SELECT count(*) AS count, count(DISTINCT n) AS numbers FROM events WHERE stream=0 AND n>${seen.ev}`)
  assert.deepEqual(events, { count: now.ev - seen.ev, numbers: now.ev - seen.ev })
  assert.equal(one("SELECT count(*) AS count FROM meter_samples WHERE transaction_id LIKE 'K%'").count, count * 2 * 5)
  assert.equal(one("SELECT count(*) AS count FROM events WHERE type='feed.gap'").count, gaps, 'no false gap')
  await service.ready()
  await sleep(4000)
  const complex = await service.expect(200, 'GET', '/api/v1/complex')
  assert.equal(complex.energy_today_wh, expected + 450 + 250 + 200, 'energy of the day is the sum')
})

test('a database that is locked: live goes on, readyz says so, and nothing is lost when it is free again', async () => {
  const before = one('SELECT count(*) AS count FROM events').count
  const lock = spawn('sqlite3', [join(service.folder, 'kilowatch.db')], { stdio: ['pipe', 'ignore', 'ignore'] })
  const ended = new Promise((resolve) => lock.once('exit', resolve))
  lock.stdin.write('BEGIN EXCLUSIVE;\n')
  await sleep(300)
  const live = await service.live()
  live.send({ op: 'subscribe', id: 1, topic: 'complex' })
  await live.next('snapshot', (m) => m.id === 1)
  await producer.status('EV-3', 1, 'Faulted', 'faulted', 'OtherError')
  await live.next('the fault, live', (m) => m.id === 1 && m.data.stations.faulted === 1, 5000)
  await until('readyz names the store', async () => {
    const { status, json } = await service.fetch('GET', '/readyz')
    return status === 503 && json.store.ok === false && json.feed.ok === true
  }, 15000)
  assert.equal(one('SELECT count(*) AS count FROM events').count, before)
  lock.stdin.end('COMMIT;\n')
  await ended
  await caughtUp()
  await service.ready()
  assert.equal(one('SELECT count(*) AS count FROM events').count, before + 1)
  await producer.status('EV-3', 1, 'Available', 'available')
  live.close()
})

test('Redis away: stale at once, lost within 5..20 s, every station unknown; back: as before', async () => {
  const live = await service.live()
  live.send({ op: 'subscribe', id: 1, topic: 'feed' })
  await live.next('live', (m) => m.id === 1 && m.data.state === 'live')
  await redis.kill('SIGTERM')
  const began = Date.now()
  await live.next('stale', (m) => m.id === 1 && m.data.state === 'stale', 5000)
  const health = await service.fetch('GET', '/healthz')
  assert.equal(health.status, 200)
  await live.next('lost', (m) => m.id === 1 && m.data.state === 'lost', 20000)
  const took = Date.now() - began
  assert.ok(took > 4500 && took < 20000, `lost after ${took} ms`)
  const away = await service.fetch('GET', '/readyz')
  assert.equal(away.status, 503)
  assert.equal(away.json.redis.ok, false)
  assert.equal(away.json.store.ok, true)
  assert.equal((await service.expect(200, 'GET', '/api/v1/complex')).stations.unknown, 3)
  link.close()
  await redis.run()
  link = redis.client()
  producer.redis = link
  await producer.status('EV-1', 1, 'Available', 'available')
  await live.next('live again', (m) => m.id === 1 && m.data.state === 'live', 20000)
  await service.ready()
  assert.equal((await service.expect(200, 'GET', '/api/v1/complex')).stations.unknown, 0)
  await caughtUp()
  live.close()
})

test('a new epoch: read from the start of the new streams, history stays', async () => {
  const before = one('SELECT count(*) AS count FROM events').count
  await link.call('FLUSHALL')
  producer.stop()
  producer = await Producer.start(link, 'second-epoch')
  await producer.connect('EV-1', 1)
  await producer.status('EV-1', 1, 'Preparing', 'preparing')
  await until('the new events are stored', () =>
    one("SELECT count(*) AS count FROM events WHERE epoch='second-epoch'").count === 2, 20000)
  assert.equal(one('SELECT count(*) AS count FROM events').count, before + 2)
  const { stations } = await service.expect(200, 'GET', '/api/v1/complex')
  assert.deepEqual([stations.preparing, stations.offline], [1, 2], 'what the new data set does not know is not connected')
})

test('an unknown major of the contract stops the feed with a clear word', async () => {
  await link.call('FLUSHALL')
  await link.call('HSET', 'kw:1:meta', 'major', '2', 'epoch', 'third', 'aliveTs', Date.now())
  await until('readyz says why', async () => {
    const { json } = await service.fetch('GET', '/readyz')
    return /major/.test(json.feed.reason ?? '')
  }, 20000)
})
