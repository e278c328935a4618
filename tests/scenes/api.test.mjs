// api.test.mjs - the REST API over HTTPS against the real service: accounts, rights, pages, revisions, repeats.
import assert from 'node:assert/strict'
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { RedisServer, until } from './support/redis.mjs'
import { Service } from './support/service.mjs'

const PASSWORD = 'a long enough pass phrase'
let redis, service, origin
const secrets = [] // what must be nowhere in the data folder or the log

before(async () => {
  redis = await RedisServer.start()
  service = await Service.start(redis.url, { check_answers: 1, log_level: 'debug' })
  origin = `https://127.0.0.1:${service.port}`
  secrets.push(PASSWORD)
})

after(async () => {
  await service?.stop()
  await redis?.stop()
})

const api = (method, path, body, headers = {}) => service.fetch(method, `/api/v1${path}`, { body, headers })
const cookieOf = (answer) => answer.headers['set-cookie'][0].split(';')[0]
const browser = (cookie) => ({ Cookie: cookie, Origin: origin })
const signIn = (email, password) => api('POST', '/session', { email, password }, { Origin: origin })

/** A new account with these roles; its cookie. */
async function member(email, roles) {
  const account = await service.expect(201, 'POST', '/api/v1/accounts', { email, name: email, role_ids: roles })
  const invitation = await service.expect(200, 'POST', `/api/v1/accounts/${account.id}/invite`)
  const token = new URL(invitation.link).hash.replace('#token=', '')
  secrets.push(token)
  const answer = await service.fetch('POST', '/api/v1/session/set-password', {
    body: { token, password: `${PASSWORD} 2` }, headers: { Origin: origin, Authorization: '' } })
  assert.equal(answer.status, 200, answer.text)
  return cookieOf(answer)
}

describe('api', { concurrency: false }, () => {
  test('the first administrator', async () => {
    const file = join(service.folder, 'setup-code')
    assert.equal(statSync(file).mode & 0o777, 0o600)
    const code = readFileSync(file, 'utf8').trim()
    assert.match(code, /^[A-Z2-9]{4}(-[A-Z2-9]{4}){2}$/)
    assert.equal((await api('GET', '/setup')).json.needed, true)
    const form = { code: 'AAAA-AAAA-AAAA', email: 'admin@example.org', name: 'Admin', password: PASSWORD }
    const wrong = await api('POST', '/setup', form)
    assert.equal(wrong.status, 401)
    assert.equal(wrong.json.code, 'bad-code')
    assert.equal((await api('POST', '/setup', { ...form, code, password: 'short' })).json.errors[0].path, 'password')
    await service.prepare([])
    secrets.push(code, service.token, service.cookie.split('=')[1])
    assert.equal((await api('GET', '/setup')).status, 404)
    assert.equal((await api('POST', '/setup', { ...form, code })).status, 404)
    assert.ok(!readdirSync(service.folder).includes('setup-code'))
  })

  test('sign in, sign out, and the cookie', async () => {
    const answer = await signIn('Admin@Example.org', PASSWORD)
    assert.equal(answer.status, 200, answer.text)
    assert.match(answer.headers['set-cookie'][0],
      /^__Host-kw_session=[0-9a-f]{64}; Path=\/; Max-Age=\d+; HttpOnly; Secure; SameSite=Strict$/)
    assert.equal(answer.json.account.email, 'admin@example.org')
    const headers = browser(cookieOf(answer))
    assert.equal((await api('GET', '/session', undefined, headers)).status, 200)
    assert.equal((await api('DELETE', '/session', undefined, { Cookie: headers.Cookie })).json.code, 'bad-origin')
    assert.equal((await api('DELETE', '/session', undefined, { ...headers, Origin: 'https://evil.test' })).status, 403)
    assert.equal((await api('DELETE', '/session', undefined, headers)).status, 204)
    assert.equal((await api('GET', '/session', undefined, headers)).status, 401)
  })

  test('a wrong password and an unknown account look alike, in answer and in time', async () => {
    const times = { known: [], unknown: [] }
    const answers = {}
    for (let i = 0; i < 4; i++) {
      for (const kind of ['known', 'unknown']) {
        const from = process.hrtime.bigint()
        const { status, json } = await signIn(kind === 'known' ? 'admin@example.org' : `nobody${i}@example.org`, 'wrong one')
        times[kind].push(Number(process.hrtime.bigint() - from) / 1e6)
        answers[kind] = { status, code: json.code, detail: json.detail }
      }
    }
    assert.deepEqual(answers.known, answers.unknown)
    assert.equal(answers.known.status, 401)
    const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)]
    const ratio = median(times.known) / median(times.unknown)
    assert.ok(ratio > 0.25 && ratio < 4, `times ${JSON.stringify(times)}`)
  })

  test('openapi.json is valid 3.1 and the routes obey it: nobody, a viewer, an administrator', async () => {
    const document = (await api('GET', '/openapi.json', undefined, { Authorization: '' })).json
    const validator = new Validator()
    const result = await validator.validate(structuredClone(document))
    assert.ok(result.valid, JSON.stringify(result.errors)?.slice(0, 1000))
    assert.equal(validator.version, '3.1')
    const viewer = browser(await member('viewer@example.org', ['viewer']))
    const { rights } = (await api('GET', '/session', undefined, viewer)).json
    const held = new Set(rights.map((one) => one.right))
    let tried = 0
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        if (operation.operationId === 'signOut' || operation.operationId === 'setPassword') continue
        const target = path.replace(/\{\w+\}/g, 'nothing-here')
        const body = operation.requestBody ? {} : undefined
        const call = (headers) => api(method.toUpperCase(), target, body, { 'If-Match': '*', ...headers })
        const right = operation['x-right']
        const nobody = await call({ Authorization: '', Origin: origin })
        tried++
        if (right === 'public') {
          assert.ok(nobody.status !== 403 && (nobody.status !== 401 || operation.responses[401]), `${method} ${path}`)
          continue
        }
        assert.equal(nobody.status, 401, `${method} ${path} for nobody`)
        assert.equal(nobody.json.code, 'not-signed-in')
        assert.ok(nobody.headers['content-type'].startsWith('application/problem+json'))
        assert.equal((await call({ Authorization: `Bearer kwt_${'0'.repeat(64)}` })).status, 401)
        if (right === 'own') continue
        const seen = await call(viewer)
        assert.equal(seen.status === 403, !held.has(right), `${method} ${path} for a viewer: ${seen.status}`)
        const own = await call({})
        assert.ok(![401, 403, 500].includes(own.status), `${method} ${path} for an administrator: ${own.text}`)
        assert.ok(String(own.status) in operation.responses, `${method} ${path}: ${own.status} is not described`)
      }
    }
    assert.ok(tried > 50, `${tried} operations`)
  })

  test('a body is refused with place and reason', async () => {
    const answer = await api('POST', '/stations', { id: 'a b', phases: 2, wings: 1, connectors: [{ id: 0 }] })
    assert.equal(answer.status, 422)
    assert.deepEqual(answer.json.errors.map((one) => [one.path, one.code]).toSorted(),
      [['connectors.0.id', 'range'], ['id', 'pattern'], ['phases', 'enum'], ['wings', 'unknown-field']])
    assert.match(answer.json.request_id, /^[0-9a-f]{16}$/)
    const broken = await service.fetch('POST', '/api/v1/stations', { headers: { 'Content-Type': 'application/json' } })
    assert.equal(broken.json.code, 'bad-json')
    assert.equal((await api('GET', '/stations?wings=1')).json.code, 'unknown-query')
    assert.equal((await api('GET', '/stations?limit=0')).status, 400)
    assert.equal((await api('GET', '/stations?limit=1001')).json.errors[0].path, 'limit')
    assert.equal((await api('GET', '/stations?cursor=nonsense')).json.code, 'bad-cursor')
    assert.equal((await api('GET', '/stations?sort=key')).status, 400)
    assert.equal((await api('PUT', '/stations')).status, 405)
    for (const code of ['validation', 'bad-json', 'unknown-query', 'bad-cursor'])
      assert.ok(await service.metric(`kw_api_refusals_total{code="${code}"}`) >= 1, `${code} is counted`)
  })

  test('the same Idempotency-Key makes one station, and shows its key again', async () => {
    const body = { id: 'IDEM-1', name: 'Once' }
    const send = () => api('POST', '/stations', body, { 'Idempotency-Key': 'once-1' })
    const answers = await Promise.all([send(), send(), send()])
    for (const one of answers) {
      assert.equal(one.status, 201, one.text)
      assert.equal(one.json.key, answers[0].json.key)
    }
    assert.match(answers[0].json.key, /^[A-Za-z0-9]{20}$/)
    secrets.push(answers[0].json.key)
    assert.equal((await api('GET', '/stations?q=idem-1')).json.total, 1)
    const other = await api('POST', '/stations', { id: 'IDEM-2' }, { 'Idempotency-Key': 'once-1' })
    assert.equal(other.json.code, 'idempotency-conflict')
    assert.equal((await api('POST', '/stations', body)).status, 409, 'without the key it is a second one')
    assert.equal((await api('GET', '/stations/IDEM-1')).json.key, undefined)
  })

  test('revisions: 428 without, 412 with an old one and the current document', async () => {
    const made = await api('POST', '/stations', { id: 'REV-1' })
    secrets.push(made.json.key)
    assert.equal(made.headers.etag, '"1"')
    assert.equal(made.headers.location, '/api/v1/stations/REV-1')
    assert.equal((await api('PATCH', '/stations/REV-1', { name: 'x' })).json.code, 'precondition-required')
    const [a, b] = await Promise.all(['A', 'B'].map((name) =>
      api('PATCH', '/stations/REV-1', { name }, { 'If-Match': '"1"' })))
    const [won, lost] = a.status === 200 ? [a, b] : [b, a]
    assert.equal(won.headers.etag, '"2"')
    assert.equal(lost.status, 412)
    assert.equal(lost.json.code, 'stale-revision')
    assert.equal(lost.json.current.name, won.json.name)
    assert.equal(lost.json.current.revision, 2)
    assert.equal((await api('DELETE', '/stations/REV-1', undefined, { 'If-Match': '"1"' })).status, 412)
    assert.equal((await api('DELETE', '/stations/REV-1', undefined, { 'If-Match': '"2"' })).status, 204)
    assert.equal((await api('GET', '/stations/REV-1')).status, 404)
  })

  test('pages: every row once, while rows come and go', async () => {
    const ids = Array.from({ length: 23 }, (_, i) => `PAGE-${String(i).padStart(2, '0')}`)
    for (const id of ids) {
      const made = await service.expect(201, 'POST', '/api/v1/stations',
        { id, name: `Зал ${id}`, node_id: service.nodeId, tags: [id.endsWith('1') ? 'one' : 'other'] })
      secrets.push(made.key)
    }
    const seen = []
    let cursor = ''
    do {
      const { json } = await api('GET', `/stations?q=${encodeURIComponent('зал')}&limit=5&sort=-name${cursor}`)
      seen.push(...json.items.map((one) => one.id))
      if (seen.length === 5) {
        await service.expect(201, 'POST', '/api/v1/stations', { id: 'PAGE-99', name: 'Зал PAGE-99' })
        await api('DELETE', '/stations/PAGE-00', undefined, { 'If-Match': '*' })
      }
      cursor = json.next_cursor ? `&cursor=${encodeURIComponent(json.next_cursor)}` : ''
    } while (cursor)
    assert.deepEqual(seen, ids.slice(1).toReversed())
    assert.equal((await api('GET', '/stations?tag=one&node_id=' + service.nodeId)).json.total, 3)
    assert.equal((await api('GET', '/stations?online=true')).json.total, 0)
    assert.equal((await api('GET', '/stations?status=unknown&status=offline&limit=1')).json.total, 24)
    const tree = (await api('GET', '/nodes?tree=1')).json
    assert.deepEqual([tree.total, tree.items[0].children], [1, []])
    assert.equal((await api('DELETE', `/nodes/${service.nodeId}`, undefined, { 'If-Match': '*' })).json.code, 'in-use')
  })

  test('keys reach Redis, also one that was away', async () => {
    const driver = await service.expect(201, 'POST', '/api/v1/drivers', { name: 'Анна' })
    await service.expect(201, 'POST', '/api/v1/keys', { uid: 'ab12', driver_id: driver.id })
    const client = redis.client()
    const hash = async (key) => {
      const flat = await client.call('HGETALL', `kw:1:${key}`)
      return Object.fromEntries(flat.flatMap((name, i) => (i % 2 ? [] : [[name, flat[i + 1]]])))
    }
    assert.equal((await hash('token:AB12')).status, 'Accepted')
    assert.equal((await hash('auth:IDEM-1')).keyHash.length, 64)
    await client.call('SET', 'kw:1:auth:STRANGER', 'x')
    await client.call('DEL', 'kw:1:token:AB12', 'kw:1:auth:IDEM-1')
    client.close()
    await redis.kill()
    const later = await service.expect(200, 'PATCH', `/api/v1/drivers/${driver.id}`, { state: 'blocked' }, { 'If-Match': '"1"' })
    assert.equal(later.state, 'blocked')
    await redis.run()
    const again = redis.client()
    const get = async (key) => {
      try { return await again.call('HGET', `kw:1:${key[0]}`, key[1]) } catch { return null }
    }
    await until('the keys are back', async () => (await get(['token:AB12', 'status'])) === 'Blocked' &&
      (await get(['auth:IDEM-1', 'salt'])) !== null, 15000)
    assert.equal(await again.call('EXISTS', 'kw:1:auth:STRANGER'), 0)
    again.close()
  })

  test('a disabled account is out at once, sockets too', async () => {
    const headers = browser(await member('gone@example.org', ['operator']))
    const live = await service.live({ headers })
    const { items } = (await api('GET', '/accounts?q=gone')).json
    await service.expect(200, 'PATCH', `/api/v1/accounts/${items[0].id}`, { state: 'disabled' },
      { 'If-Match': `"${items[0].revision}"` })
    assert.equal((await api('GET', '/session', undefined, headers)).status, 401)
    await until('the socket is closed', () => live.closed)
    assert.equal(live.closed.code, 4401)
    assert.equal((await signIn('gone@example.org', `${PASSWORD} 2`)).json.code, 'bad-credentials')
  })

  test('guessing is slowed down, never locked', async () => {
    let refused
    for (let i = 0; i < 8 && !refused; i++) {
      const answer = await signIn('victim@example.org', `guess ${i}`)
      if (answer.status === 429) refused = answer
    }
    assert.equal(refused?.json.code, 'too-many-attempts')
    assert.ok(Number(refused.headers['retry-after']) >= 1)
    assert.equal((await signIn('admin@example.org', PASSWORD)).status, 200, 'somebody else signs in')
  })

  test('the health page answers during a flood of sign-ins', async () => {
    const flood = Array.from({ length: 40 }, (_, i) => signIn(`flood${i}@example.org`, 'x'.repeat(200)))
    const waits = []
    for (let i = 0; i < 20; i++) {
      const from = process.hrtime.bigint()
      assert.equal((await service.fetch('GET', '/healthz')).status, 200)
      waits.push(Number(process.hrtime.bigint() - from) / 1e6)
    }
    const statuses = (await Promise.all(flood)).map((one) => one.status)
    assert.ok(statuses.every((status) => [401, 429, 503].includes(status)), statuses.join(' '))
    const worst = waits.toSorted((a, b) => a - b)[17]
    assert.ok(worst < 1000, `the 90th percentile was ${worst} ms`) // new TLS each time, under sanitizers
  })

  test('the trail has who did what, and the secrets are nowhere', async () => {
    const trail = (await api('GET', '/audit?limit=1000')).json
    const actions = new Set(trail.items.map((one) => one.action))
    for (const action of ['setup', 'session.create', 'session.refused', 'account.create', 'account.invite', 'token.create',
      'station.create', 'station.update', 'station.delete', 'node.create', 'driver.update', 'key.create', 'refused'])
      assert.ok(actions.has(action), `${action} is in the trail`)
    const update = trail.items.find((one) => one.action === 'driver.update')
    assert.deepEqual([update.before, update.after], [{ state: 'active' }, { state: 'blocked' }])
    assert.ok(trail.items.every((one) => one.at && one.address))
    await service.kill()
    await service.run()
    assert.equal((await api('GET', '/session')).status, 200, 'a token outlives the process')
    assert.equal((await api('GET', '/session', undefined, browser(service.cookie))).status, 200, 'a session, too')
    const files = readdirSync(service.folder).filter((name) => name.startsWith('kilowatch.db'))
    const bytes = Buffer.concat(files.map((name) => readFileSync(join(service.folder, name))))
    assert.ok(bytes.includes('IDEM-1'), 'it is the database')
    for (const secret of secrets) {
      assert.ok(!bytes.includes(secret), `${secret.slice(0, 4)}... is in the database`)
      assert.ok(!service.log.includes(secret), `${secret.slice(0, 4)}... is in the log`)
    }
  })
})
