// demo.test.mjs - `./kw demo` as a program sees it: starts whole, is found again, ends whole.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Demo, root, until } from '../support/demo.mjs'

const data = mkdtempSync(join(tmpdir(), 'kw-demo-'))
after(() => rmSync(data, { recursive: true, force: true }))

const alive = (pid) => {
  try { process.kill(pid, 0) } catch { return false }
  return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
}
const pidsOf = (demo) => Object.values(demo.about.pids)
const noneLeft = (pids) => until(() => pids.every((pid) => !alive(pid)), 15, 'every part gone')
const options = { stations: 20, data, args: ['--drivers', '40'], fleet: ['--calm', '--connect-over', '1'] }
let keys

test('starts whole: stations charge, values move, and ends with status 0', { timeout: 120_000 }, async () => {
  const demo = await Demo.start(options)
  const pids = pidsOf(demo)
  try {
    for (const field of ['url', 'email', 'password', 'token', 'ca_file', 'ocpp_url', 'control_url', 'redis_url'])
      assert.equal(typeof demo.about[field], 'string', field)
    assert.ok(pids.length === 4 && pids.every(alive), 'four parts run')
    const complex = await until(async () => {
      const { body } = await demo.get('/api/v1/complex')
      return body.power_w > 0 && body.stations.charging > 0 && body
    }, 30, 'power')
    assert.equal(complex.stations.total, 20)
    await until(async () => (await demo.get('/api/v1/complex')).body.power_w !== complex.power_w, 30, 'another power')
    const nodes = await demo.all('/api/v1/nodes')
    assert.deepEqual([...new Set(nodes.map((node) => node.kind))].sort(), ['feeder', 'grid', 'switchboard'])
    assert.equal((await demo.all('/api/v1/drivers')).length, 40)
    const active = (await demo.all('/api/v1/transactions')).filter((row) => row.state === 'active')
    assert.ok(active.length > 3 && active.every((row) => row.driver_name), 'sessions have drivers')
    keys = readFileSync(join(data, 'fleet.json'), 'utf8')
  } finally {
    assert.equal(await demo.stop({ keep: true }), 0, demo.output)
  }
  await noneLeft(pids)
  assert.ok(!existsSync(join(data, 'demo.json')), 'demo.json tells of a running demo only')
})

test('a second start finds the same complex; a part that dies ends it, with its last words', { timeout: 120_000 }, async () => {
  const demo = await Demo.start(options)
  const pids = pidsOf(demo)
  assert.equal(readFileSync(join(data, 'fleet.json'), 'utf8'), keys, 'the same stations with the same keys')
  assert.equal((await demo.get('/api/v1/complex')).body.stations.total, 20)
  process.kill(demo.about.pids.gateway, 'SIGKILL')
  const status = await demo.ended
  assert.equal(status, 1)
  assert.match(demo.output, /gateway died by itself \(status 137\)/)
  assert.match(demo.output, /gateway\.log/)
  await noneLeft(pids)
})

test('no orphans when the demo itself is killed, and only one demo a folder', { timeout: 120_000 }, async () => {
  const demo = await Demo.start(options)
  const pids = pidsOf(demo)
  const second = spawn('sh', ['examples/demo/run.sh', '--headless', '--port', '0', '--data', data], { cwd: root, stdio: 'ignore' })
  assert.equal(await new Promise((done) => second.on('exit', done)), 1)
  assert.ok(pids.every(alive), 'the first one is unharmed')
  demo.process.kill('SIGKILL')
  await demo.ended
  await noneLeft(pids)
})

test('wrong arguments are refused with the reason', async () => {
  for (const [args, words] of [[['--stations', 'many'], /'many' is not a whole number/], [['--nonsense'], /unknown option/],
    [['--port'], /needs a value/]]) {
    const child = spawn('sh', ['examples/demo/run.sh', ...args], { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] })
    let output = ''
    child.stderr.on('data', (bytes) => { output += bytes })
    assert.equal(await new Promise((done) => child.on('close', done)), 2)
    assert.match(output, words)
  }
})
