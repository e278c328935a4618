// service-web.test.mjs - the web side of `kilowatch serve`: probes, redirect, headers, files, certificates,
// a reader that does not read, and an orderly end.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect as tcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connect as tls } from 'node:tls'
import { Producer } from './support/producer.mjs'
import { RedisServer, sleep, until } from './support/redis.mjs'
import { Service, program } from './support/service.mjs'

let redis, link, producer, service, web
const stations = Array.from({ length: 400 }, (_, i) => `EV-${i}`)

before(async () => {
  web = mkdtempSync(join(tmpdir(), 'kw-web-'))
  mkdirSync(join(web, 'assets'))
  writeFileSync(join(web, 'index.html'), '<!doctype html><title>kilowatch</title>')
  writeFileSync(join(web, 'assets/app-0a1b2c3d.js'), 'console.log(1)')
  writeFileSync(join(web, '..', 'kw-secret.txt'), 'secret')
  redis = await RedisServer.start()
  link = redis.client()
  service = await Service.start(redis.url, { web_dir: web, pid_file: join(web, '..', `kw-${process.pid}.pid`) })
})

after(async () => {
  producer?.stop()
  await service?.stop()
  link?.close()
  await redis?.stop()
  rmSync(web, { recursive: true, force: true })
  rmSync(join(web, '..', 'kw-secret.txt'), { force: true })
})

/** Raw request over TLS: what no client library would send. */
function raw(text, port = service.port) {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = tls({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => socket.write(text))
    socket.setEncoding('latin1')
    socket.on('data', (piece) => (answer += piece))
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })
}

function fingerprint() {
  return new Promise((resolve, reject) => {
    const socket = tls({ host: '127.0.0.1', port: service.port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256)
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

test('readyz says part by part what is missing, then 200', async () => {
  const early = await service.fetch('GET', '/readyz')
  assert.equal(early.status, 503)
  assert.equal(early.json.ready, false)
  assert.equal(early.json.redis.ok, true)
  assert.equal(early.json.store.ok, true)
  assert.match(early.json.feed.reason, /no producer/)
  await service.prepare(stations, ' with a long name'.repeat(5))
  producer = await Producer.start(link)
  for (const cs of stations.slice(0, 20)) await producer.connect(cs)
  await service.ready()
  const { json } = await service.fetch('GET', '/readyz')
  assert.deepEqual(json, { redis: { ok: true }, store: { ok: true }, feed: { ok: true }, ready: true })
  const health = await service.fetch('GET', '/healthz')
  assert.equal(health.json.status, 'ok')
})

test('plain HTTP on the TLS port is sent to https', async () => {
  const answer = await new Promise((resolve, reject) => {
    let text = ''
    const socket = tcp(service.port, '127.0.0.1', () => socket.write('GET /a?b=1 HTTP/1.1\r\nHost: ev.example:8443\r\n\r\n'))
    socket.on('data', (piece) => (text += piece))
    socket.on('close', () => resolve(text))
    socket.on('error', reject)
  })
  assert.match(answer, /^HTTP\/1\.1 308 /)
  assert.match(answer, /\r\nLocation: https:\/\/ev\.example:8443\/a\?b=1\r\n/)
})

test('every answer carries the security headers', async () => {
  for (const path of ['/', '/assets/app-0a1b2c3d.js', '/healthz', '/api/v1/none', '/none.txt', '/metrics']) {
    const { headers } = await service.fetch('GET', path)
    assert.match(headers['content-security-policy'] ?? '', /default-src/, path)
    assert.doesNotMatch(headers['content-security-policy'], /unsafe/, path)
    assert.match(headers['strict-transport-security'] ?? '', /max-age=\d{8}/, path)
    assert.equal(headers['x-content-type-options'], 'nosniff', path)
    assert.ok(headers['referrer-policy'], path)
  }
})

test('the page, its routes and its files; and nothing outside of the folder', async () => {
  const page = await service.fetch('GET', '/')
  assert.equal(page.status, 200)
  assert.equal((await service.fetch('GET', '/stations/EV-1')).text, page.text)
  const file = await service.fetch('GET', '/assets/app-0a1b2c3d.js')
  assert.match(file.headers['cache-control'], /immutable/)
  const again = await service.fetch('GET', '/assets/app-0a1b2c3d.js', { headers: { 'If-None-Match': file.headers.etag } })
  assert.equal(again.status, 304)
  assert.equal((await service.fetch('GET', '/none.js')).status, 404)
  assert.equal((await service.fetch('POST', '/')).status, 405)
  for (const path of ['/../kw-secret.txt', '/..%2fkw-secret.txt', '/%2e%2e/kw-secret.txt', '/assets/../../kw-secret.txt',
    '/..\\kw-secret.txt', '//kw-secret.txt', '/%00/kw-secret.txt', '/assets/%2e%2e%2f%2e%2e%2fkw-secret.txt']) {
    const answer = await raw(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
    assert.match(answer, /^HTTP\/1\.1 (4\d\d|200) /, path)
    assert.doesNotMatch(answer, /secret$/, path)
  }
})

test('a body where none belongs is refused, an unknown API address is a problem document', async () => {
  const answer = await raw('GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello')
  assert.match(answer, /^HTTP\/1\.1 413 /)
  const none = await service.fetch('GET', '/api/v1/none')
  assert.equal(none.status, 404)
  assert.match(none.headers['content-type'], /application\/problem\+json/)
  assert.match(none.json.request_id, /^[0-9a-f]{16}$/)
})

test('a certificate is read again on HUP; a broken one is refused and the old one serves on', async () => {
  const before = await fingerprint()
  const folder = join(service.folder, 'tls')
  assert.equal(statSync(join(folder, 'key.pem')).mode & 0o777, 0o600)
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30', '-subj',
    '/CN=localhost', '-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')], { stdio: 'ignore' })
  service.process.kill('SIGHUP')
  await until('the new certificate', async () => (await fingerprint()) !== before)
  const renewed = await fingerprint()
  writeFileSync(join(folder, 'cert.pem'), 'nonsense')
  service.process.kill('SIGHUP')
  await until('the refusal in the log', () => /new certificate was refused/.test(service.log))
  assert.equal(await fingerprint(), renewed)
})

test('a reader that stops is closed as too slow, and nobody else notices', async () => {
  const slow = await service.live()
  slow.send({ op: 'subscribe', id: 1, topic: 'stations' })
  await slow.next('snapshot', (m) => m.op === 'snapshot')
  slow.stopReading()
  const good = await service.live()
  // What it asks for and does not read: its outbox and the sockets' own buffers are soon full.
  const flood = setInterval(() => {
    slow.send({ op: 'subscribe', id: 2, topic: 'stations' })
    slow.send({ op: 'unsubscribe', id: 2 })
  }, 50)
  try {
    await until('the slow one is closed', async () => (await service.metric('kw_live_too_slow_total')) === 1, 60000)
  } finally {
    clearInterval(flood)
  }
  good.send({ op: 'ping' })
  await good.next('pong', (m) => m.op === 'pong')
  slow.socket.resume()
  assert.equal((await slow.whenClosed()).code, 4408)
  good.close()
})

test('a second service on the same folder is refused; so are bad options', () => {
  const run = (options) => spawnSync(program, ['serve'], {
    env: { ...process.env, KW_DATA_DIR: service.folder, KW_LISTEN_PORT: '0', KW_REDIS_URL: redis.url, ...options }, encoding: 'utf8',
    timeout: 20000,
  })
  const second = run({})
  assert.equal(second.status, 1)
  assert.match(second.stderr, /another kilowatch serve uses the folder/)
  const folder = mkdtempSync(join(tmpdir(), 'kw-bad-'))
  const zone = run({ KW_DATA_DIR: folder, KW_ZONE: 'Europe/Moskva' })
  assert.equal(zone.status, 1)
  assert.match(zone.stderr, /zone Europe\/Moskva: there is no/)
  const level = run({ KW_LOG_LEVEL: 'loud' })
  assert.equal(level.status, 2)
  assert.match(level.stderr, /log_level: expected one of/)
  const cert = run({ KW_DATA_DIR: folder, KW_TLS_CERT: '/nowhere.pem', KW_TLS_KEY: '/nowhere.key' })
  assert.equal(cert.status, 1)
  assert.match(cert.stderr, /nowhere/)
  const page = run({ KW_DATA_DIR: folder, KW_WEB_DIR: '/nowhere' })
  assert.equal(page.status, 1)
  assert.match(page.stderr, /web_dir: .*nowhere/)
  const address = run({ KW_DATA_DIR: folder, KW_REDIS_URL: 'rediss://h' })
  assert.equal(address.status, 1)
  rmSync(folder, { recursive: true, force: true })
})

test('metrics are for loopback, or for the token when there is one', async () => {
  assert.equal((await service.fetch('GET', '/metrics')).status, 200)
  assert.equal((await service.fetch('GET', '/metrics', { headers: { 'X-Forwarded-For': '203.0.113.9' } })).status, 401)
  const other = await Service.start(redis.url, { metrics_token: 'let-me-see', plain_http: false })
  assert.equal((await other.fetch('GET', '/metrics')).status, 401)
  assert.equal((await other.fetch('GET', '/metrics', { headers: { Authorization: 'Bearer let-me-sea' } })).status, 401)
  assert.equal((await other.fetch('GET', '/metrics', { headers: { Authorization: 'Bearer let-me-see' } })).status, 200)
  await other.stop()
})

test('TERM: readers are told 1012, the answer in hand is given, status 0, the pid file is gone', async () => {
  const pidFile = service.options.pid_file
  assert.equal(Number(readFileSync(pidFile, 'utf8')), service.process.pid)
  const live = await service.live()
  await live.next('welcome', (m) => m.op === 'welcome')
  service.process.kill('SIGTERM')
  assert.equal((await live.whenClosed()).code, 1012)
  await service.ended
  assert.deepEqual(service.exit, { code: 0, signal: null }, service.log.slice(-3000))
  assert.equal(existsSync(pidFile), false)
  await sleep(10)
})
