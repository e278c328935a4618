// programs.mjs - Start and stop the real programs for a scene: redis-server, gateway, service.
//
// Everything is private: a folder of mkdtemp, a unix socket for Redis, port 0 for every listener. Whatever a
// scene started ends with it (`cleanup`), by its own process id; a program that ended by a sanitizer's report
// (status 99) fails the scene.

import { spawn } from 'node:child_process'
import { randomBytes, createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { connectRedis } from './resp.mjs'

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..')
export const BINARY = process.env.KW_BIN ?? path.join(ROOT, 'build/asan/kilowatch')

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Ask until `probe` gives something true; its value. Fails with the last error after `ms`. */
export async function eventually(what, probe, ms = 10000) {
  const end = Date.now() + ms
  let last
  for (;;) {
    try {
      const value = await probe()
      if (value) return value
      last = undefined
    } catch (error) {
      last = error
    }
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}${last ? ` (${last.message})` : ''}`)
    await sleep(30)
  }
}

function run(command, args, options, logFile) {
  const log = fs.openSync(logFile, 'a')
  const child = spawn(command, args, { ...options, stdio: ['ignore', log, log] })
  fs.closeSync(log)
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })))
  return { child, ended, log: () => fs.readFileSync(logFile, 'utf8') }
}

/** One scene: a folder, the programs in it, and their end. */
export class Stage {
  constructor() {
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'kw-scene-'))
    this.running = []
  }

  /** A private redis-server on a unix socket, append-only file on. */
  async redis() {
    const socket = path.join(this.dir, 'redis.sock')
    const redis = { url: `unix://${socket}`, prefix: 'kw:1:' }
    redis.start = async () => {
      fs.rmSync(socket, { force: true })
      redis.program = run('redis-server', ['--port', '0', '--unixsocket', socket, '--dir', this.dir, '--appendonly',
        'yes', '--appendfsync', 'everysec', '--save', '', '--logfile', ''], {}, path.join(this.dir, 'redis.log'))
      this.running.push(redis.program)
      redis.client = await eventually('redis-server', () => connectRedis({ path: socket }))
      await eventually('data of redis-server', async () => (await redis.client.command('PING')) === 'PONG')
    }
    redis.stop = async (signal = 'SIGTERM') => {
      redis.client.close()
      redis.program.child.kill(signal)
      await redis.program.ended
    }
    redis.command = (...args) => redis.client.command(...args)
    redis.hash = (key) => redis.client.hash(redis.prefix + key)
    redis.stream = (key) => redis.client.stream(redis.prefix + key)
    await redis.start()
    return redis
  }

  /** A role of the program; `settings` are options of kw/config.lua. Waits for its ports file. */
  async program(role, portsFile, settings, dataName) {
    const data = path.join(this.dir, dataName ?? role)
    const ports = path.join(data, portsFile)
    const env = { ...process.env }
    for (const [name, value] of Object.entries({ data_dir: data, ...settings })) env[`KW_${name.toUpperCase()}`] = String(value)
    fs.rmSync(ports, { force: true })
    const program = run(BINARY, [role], { env }, path.join(this.dir, `${dataName ?? role}.log`))
    this.running.push(program)
    let exit
    program.ended.then((how) => { exit = how })
    await eventually(`${role} to listen`, () => {
      if (exit) throw Object.assign(new Error(`${role} ended: ${JSON.stringify(exit)}\n${program.log()}`))
      return fs.existsSync(ports)
    }, 30000).catch((error) => { throw new Error(`${error.message}\n${program.log()}`) })
    return {
      data,
      ports: JSON.parse(fs.readFileSync(ports, 'utf8')),
      pid: program.child.pid,
      log: program.log,
      ended: program.ended,
      signal: (name) => program.child.kill(name),
      async stop(signal = 'SIGTERM') {
        program.child.kill(signal)
        return program.ended
      },
    }
  }

  async gateway(redis, settings = {}) {
    const gateway = await this.program('gateway', 'gateway-ports.json', { redis_url: redis.url, ocpp_host: '127.0.0.1',
      ocpp_port: 0, ocpps_port: -1, control_port: 0, ...settings })
    gateway.endpoint = `ws://127.0.0.1:${gateway.ports.ocpp}`
    gateway.secureEndpoint = `wss://127.0.0.1:${gateway.ports.ocpps}`
    gateway.http = (pathname, options = {}) => fetch(`http://127.0.0.1:${gateway.ports.control}${pathname}`, options)
    gateway.metric = async (name) => {
      const text = await (await gateway.http('/metrics')).text()
      const line = text.split('\n').find((one) => one.startsWith(`${name} `) || one.startsWith(`${name}{`))
      return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(' ') + 1))
    }
    await eventually('the gateway to be ready', async () => (await gateway.http('/readyz')).status === 200)
    return gateway
  }

  async service(redis, settings = {}) {
    return this.program('serve', 'ports.json', { redis_url: redis.url, listen_host: '127.0.0.1', listen_port: 0, ...settings })
  }

  /** End everything; tells of programs that a sanitizer ended. */
  async cleanup() {
    const bad = []
    for (const program of this.running.reverse()) {
      if (program.child.exitCode === null && program.child.signalCode === null) program.child.kill('SIGTERM')
      const end = setTimeout(() => program.child.kill('SIGKILL'), 15000)
      const how = await program.ended
      clearTimeout(end)
      if (how.code !== 0 && how.signal === null) bad.push(`${program.child.spawnargs.slice(0, 2).join(' ')} ended with ${how.code}\n${program.log().slice(-6000)}`)
    }
    if (bad.length > 0) throw new Error(bad.join('\n'))
    fs.rmSync(this.dir, { recursive: true, force: true })
  }
}

/** What the service writes for a station, and for a tag. */
export async function putStation(redis, cs, key, fields = {}) {
  const salt = randomBytes(16)
  const keyHash = createHash('sha256').update(Buffer.concat([salt, Buffer.from(key)])).digest('hex')
  const all = { securityProfile: 1, salt: salt.toString('hex'), keyHash, updatedTs: Date.now(), ...fields }
  await redis.command('HSET', `${redis.prefix}auth:${cs}`, ...Object.entries(all).flat())
}

export async function putToken(redis, tag, fields = { status: 'Accepted' }) {
  await redis.command('HSET', `${redis.prefix}token:${tag}`, ...Object.entries(fields).flat())
}

export const newKey = () => randomBytes(15).toString('base64url')
