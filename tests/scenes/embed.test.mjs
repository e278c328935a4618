// embed.test.mjs - the library from outside: installed into an empty folder, found by pkg-config, linked by a
// program that knows only kilowatch.h, and that program runs the service and ends it in order.
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { RedisServer, until } from './support/redis.mjs'
import { program, root } from './support/service.mjs'

let folder, prefix, redis, embed, luaDir

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kw-embed-'))
  prefix = join(folder, 'prefix')
  redis = await RedisServer.start()
})
after(async () => {
  await redis?.stop()
  rmSync(folder, { recursive: true, force: true })
})

function run(...args) {
  const child = spawn(embed, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  child.out = ''
  child.err = ''
  child.stdout.on('data', (piece) => (child.out += piece))
  child.stderr.on('data', (piece) => (child.err += piece))
  child.ended = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })))
  return child
}

test('cmake --install and pkg-config are enough to compile and link', () => {
  const build = dirname(program)
  execFileSync('cmake', ['--install', build, '--prefix', prefix], { stdio: 'pipe' })
  const pc = execFileSync('find', [prefix, '-name', 'kilowatch.pc'], { encoding: 'utf8' }).trim()
  const env = { ...process.env, PKG_CONFIG_PATH: dirname(pc) }
  const ask = (...args) => execFileSync('pkg-config', [...args, 'kilowatch'], { encoding: 'utf8', env }).trim()
  luaDir = ask('--variable=luadir')
  const flags = ask('--cflags', '--libs').split(/\s+/)
  const lua = execFileSync('pkg-config', ['--cflags', '--libs', 'lua5.4'], { encoding: 'utf8' }).trim().split(/\s+/)
  // the library of this build may carry sanitizers: its user must link them too
  const cache = readFileSync(join(build, 'CMakeCache.txt'), 'utf8')
  const sanitize = cache.match(/^KW_SANITIZE:\w+=(.+)$/m)?.[1]
  embed = join(folder, 'embed')
  const { status, stderr } = spawnSync('cc', ['-Wall', '-Wextra', '-Werror', join(root, 'examples/embed/embed.c'),
    ...(sanitize ? [`-fsanitize=${sanitize}`] : []), ...flags, ...lua, '-o', embed], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  // the header is C++ as well
  const cpp = spawnSync('c++', ['-xc++', '-fsyntax-only', '-Wall', '-Werror', '-'],
    { input: `#include "${prefix}/include/kilowatch.h"\nint main() { return kw_program_version() == nullptr; }\n`,
      encoding: 'utf8' })
  if (cpp.error === undefined) assert.equal(cpp.status, 0, cpp.stderr)
})

test('the program serves, has its own log and port, and ends in order', async () => {
  const child = run(join(folder, 'data'), redis.url, luaDir)
  await until('it is ready', () => {
    assert.equal(child.exitCode, null, child.err)
    return child.out.includes('ready ')
  }, 30000)
  const { https } = JSON.parse(child.out.match(/ready (.*)/)[1])
  const answer = await new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port: https, path: '/healthz', rejectUnauthorized: false }, (response) => {
      let text = ''
      response.on('data', (piece) => (text += piece))
      response.on('end', () => resolve(JSON.parse(text)))
    }).on('error', reject)
  })
  assert.equal(answer.status, 'ok')
  assert.match(child.err, /^embedded: \{"at":/m)
  child.kill('SIGTERM')
  assert.deepEqual(await child.ended, { code: 0, signal: null }, child.err.slice(-3000))
})

test('a wrong option is told with its rule, and nothing runs', async () => {
  const child = run(join(folder, 'data2'), 'nonsense://', luaDir)
  const { code } = await child.ended
  assert.notEqual(code, 0)
  const missing = run(join(folder, 'data3'), redis.url, '/nowhere')
  assert.equal((await missing.ended).code, 2)
  assert.match(missing.err, /\/nowhere holds no kw\/config\.lua/)
})

test('scripts of the library find the module of the program', async () => {
  const lua = join(folder, 'lua')
  execFileSync('cp', ['-r', luaDir, lua])
  const service = join(lua, 'service.lua')
  execFileSync('sed', ['-i', '1i assert(require("embed").answer() == 42)', service])
  const child = run(join(folder, 'data4'), redis.url, lua)
  await until('it is ready', () => child.out.includes('ready ') || child.exitCode !== null, 30000)
  assert.equal(child.exitCode, null, child.err)
  child.kill('SIGINT')
  assert.deepEqual(await child.ended, { code: 0, signal: null }, child.err.slice(-3000))
})
