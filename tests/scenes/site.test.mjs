// site.test.mjs - the operator's own scripts: a broken one is told with file and line and the shipped rule
// serves, in the load and in a call; mended, it serves after SIGHUP; what fails too often is turned off.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { RedisServer, until } from './support/redis.mjs'
import { Service } from './support/service.mjs'

let redis, service, site

const write = (name, text) => {
  mkdirSync(join(site, name, '..'), { recursive: true })
  writeFileSync(join(site, name), text)
}
const health = async () => (await service.fetch('GET', '/healthz')).json.site
const roleIds = async () => (await service.expect(200, 'GET', '/api/v1/roles')).items.map((role) => role.id)

async function reload() {
  const before = service.log.length
  service.process.kill('SIGHUP')
  await until('the scripts are read again', () => /scripts loaded|reload refused/.test(service.log.slice(before)))
}

const guard = (body) => `--% api: 1
local P = {}
P.roles = {
  viewer = { title = kw.t("Смотрит", "Looks"), grants = { "monitoring.view" } },
  night_guard = { title = kw.t("Ночной сторож", "Night guard"), extends = "viewer", grants = { "stations.control" } },
}
function P.grants(account, complex)
${body}
end
return P
`

before(async () => {
  site = mkdtempSync(join(tmpdir(), 'kw-site-'))
  redis = await RedisServer.start()
  write('policies/permissions.lua', '--% api: 1\nlocal P = {}\nP.roles = = 1\nreturn P\n')
  service = await Service.start(redis.url, { site_dir: site })
  await service.prepare([])
})

after(async () => {
  await service?.stop()
  await redis?.stop()
  rmSync(site, { recursive: true, force: true })
})

test('a file that does not load: file and line in log and health, the shipped roles serve', async () => {
  assert.match(service.log, /policies\/permissions\.lua:3:/)
  const state = await health()
  assert.equal(state.state, 'faulty')
  const entry = state.entries.find((one) => one.name === 'policies/permissions')
  assert.equal(entry.state, 'off')
  assert.match(entry.error, /^policies\/permissions\.lua:3: unexpected symbol/)
  assert.ok((await roleIds()).includes('operator'))
  const outside = await service.fetch('GET', '/healthz', { headers: { 'X-Forwarded-For': '192.0.2.1' } })
  assert.equal(outside.json.site, 'faulty')
})

test('mended and read again: its roles serve, health is ok', async () => {
  write('policies/permissions.lua', guard('  return account.grants'))
  await reload()
  assert.equal((await health()).state, 'ok')
  const ids = await roleIds()
  assert.ok(ids.includes('night_guard'), ids.join())
})

test('a broken file beside a good one that runs: refused, the good one stays', async () => {
  write('policies/permissions.lua', '--% api: 1\nreturn nowhere.at_all\n')
  await reload()
  const state = await health()
  assert.equal(state.state, 'faulty')
  assert.match(state.reload_error, /^policies\/permissions\.lua:2:/)
  assert.ok((await roleIds()).includes('night_guard'))
})

for (const [name, body, says] of [
  ['raises', '  error("no grants today")', /policies\/permissions\.lua:8: no grants today/],
  ['never ends', '  while true do pcall(function() while true do end end) end', /more CPU time than its limit of 5 ms/],
  ['returns what is no data', '  return { print = function() end }', /a function, coroutine or object/],
]) {
  test(`a rule that ${name}: the shipped one answers, and it is told`, async () => {
    write('policies/permissions.lua', guard(body))
    await reload()
    await service.expect(200, 'GET', '/api/v1/session', undefined, { Cookie: service.cookie })
    await service.expect(200, 'GET', '/api/v1/stations')
    const entry = (await health()).entries.find((one) => one.name === 'policies/permissions.grants')
    assert.ok(entry, 'the function has an entry')
    assert.match(entry.error, says)
    assert.ok(['failed', 'off'].includes(entry.state))
  })
}

test('five failures in a minute: off, counted, and health says so', async () => {
  write('policies/permissions.lua', guard('  error("again")'))
  await reload()
  for (let i = 0; i < 6; i++)
    await service.expect(201, 'POST', '/api/v1/accounts',
      { email: `guard${i}@example.org`, name: 'Guard', role_ids: ['night_guard'] })
  // rights are compiled anew when the registers changed and somebody asks
  for (let i = 0; i < 6; i++) {
    await service.expect(201, 'POST', '/api/v1/roles', { id: `own_${i}`, name: `Own ${i}`, rights: [] })
    await service.expect(200, 'GET', '/api/v1/stations')
  }
  const entry = (await health()).entries.find((one) => one.name === 'policies/permissions.grants')
  assert.equal(entry.state, 'off')
  assert.equal(await service.metric('kw_site_entries_off'), 1)
  assert.ok((await service.metric('kw_site_failures_total')) >= 5)
})
