// gateway.mjs - a real `kilowatch gateway` for a scene, and what the service would write for its stations.
//
// stop() checks what every scene must end with: exit status 0 (99 is a sanitizer's report).
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RedisServer, until } from './redis.mjs'
import { program } from './service.mjs'

export class Gateway {
  /** options: values of KW_* variables by option name; `folder` is kept over restarts. */
  static async start(redisUrl, options = {}) {
    const gateway = new Gateway()
    gateway.folder = mkdtempSync(join(tmpdir(), 'kw-gateway-'))
    gateway.options = { redis_url: redisUrl, ocpp_host: '127.0.0.1', ocpp_port: 0, ocpps_port: -1, control_port: 0, ...options }
    await gateway.run().catch((error) => {
      rmSync(gateway.folder, { recursive: true, force: true })
      throw error
    })
    return gateway
  }

  async run() {
    const env = { ...process.env }
    for (const [name, value] of Object.entries({ data_dir: this.folder, ...this.options })) env[`KW_${name.toUpperCase()}`] = String(value)
    const ports = join(this.folder, 'gateway-ports.json')
    rmSync(ports, { force: true })
    this.log = ''
    this.exit = null
    this.process = spawn(program, ['gateway'], { env, stdio: ['ignore', 'ignore', 'pipe'] })
    this.process.stderr.on('data', (piece) => (this.log += piece))
    this.ended = new Promise((resolve) => this.process.once('exit', (code, signal) => {
      this.exit = { code, signal }
      resolve(this.exit)
    }))
    await until('the gateway listens', () => {
      if (this.exit) throw new Error(`the gateway ended: ${JSON.stringify(this.exit)}\n${this.log}`)
      return existsSync(ports)
    }, 30000)
    this.ports = JSON.parse(readFileSync(ports, 'utf8'))
    this.endpoint = `ws://127.0.0.1:${this.ports.ocpp}`
    this.secureEndpoint = `wss://127.0.0.1:${this.ports.ocpps}`
  }

  http(path, options = {}) {
    return fetch(`http://127.0.0.1:${this.ports.control}${path}`, options)
  }

  /** {status, json, headers} */
  async api(method, path, body, headers = {}) {
    const answer = await this.http(path, { method, headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body) })
    const text = await answer.text()
    return { status: answer.status, headers: answer.headers, json: text ? JSON.parse(text) : undefined }
  }

  order(cs, key, body) {
    return this.api('POST', `/v1/stations/${encodeURIComponent(cs)}/commands`, body, { 'Idempotency-Key': key })
  }

  /** Order and wait until its state is one of `states` (default: the station has answered). */
  async carryOut(cs, body, states) {
    const key = randomBytes(8).toString('hex')
    const taken = await this.order(cs, key, body)
    assert.equal(taken.status, 202, JSON.stringify(taken.json))
    return until(`the outcome of ${body.command}`, async () => {
      const { json } = await this.api('GET', `/v1/commands/${taken.json.commandId}`)
      return (states ? states.includes(json.state) : !['queued', 'sent'].includes(json.state)) && json
    }, 15000)
  }

  /** Value of a metric line that begins with `start` (name, or name and labels). */
  async metric(start) {
    const text = await (await this.http('/metrics')).text()
    const line = text.split('\n').find((one) => one.startsWith(start) && !one.startsWith('#'))
    return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(' ') + 1))
  }

  async ready() {
    await until('the gateway is ready', async () => (await this.http('/readyz')).status === 200)
  }

  async kill() {
    this.process.kill('SIGKILL')
    await this.ended
  }

  async end() {
    if (this.exit) return
    this.process.kill('SIGTERM')
    const late = setTimeout(() => this.process.kill('SIGKILL'), 20000)
    await this.ended
    clearTimeout(late)
    assert.deepEqual(this.exit, { code: 0, signal: null }, `the gateway ended badly:\n${this.log.slice(-6000)}`)
  }

  async stop() {
    await this.end()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Redis as a scene looks at it: the contract's hashes and streams, and the service's side of keys and tags. */
export class Complex {
  static async start() {
    const complex = new Complex()
    complex.server = await RedisServer.start()
    complex.client = complex.server.client()
    complex.url = complex.server.url
    return complex
  }

  call(...args) { return this.client.call(...args) }

  async hash(key) {
    const flat = await this.call('HGETALL', `kw:1:${key}`)
    const out = {}
    for (let i = 0; i < flat.length; i += 2) out[flat[i]] = flat[i + 1]
    return out
  }

  /** Entries of a stream as objects, `d` decoded. */
  async stream(name) {
    const all = []
    for (let from = '-'; ;) { // in pages: the client parses a large answer again with each piece that comes
      const page = await this.call('XRANGE', `kw:1:${name}`, from, '+', 'COUNT', 500)
      for (const [id, flat] of page) {
        const out = { id }
        for (let i = 0; i < flat.length; i += 2) out[flat[i]] = flat[i + 1]
        out.d = JSON.parse(out.d)
        all.push(out)
      }
      if (page.length < 500) return all
      from = `(${page.at(-1)[0]}`
    }
  }

  async events(type, cs) {
    return (await this.stream('ev')).filter((one) => one.type === type && (cs === undefined || one.cs === cs))
  }

  /** The first event of this type that fits, when it has come. */
  event(type, cs, fits = () => true, timeoutMs = 10000) {
    return until(`${type} of ${cs}`, async () => (await this.events(type, cs)).find(fits), timeoutMs)
  }

  /** What the service writes for a station. Returns its key. */
  async station(cs, fields = {}) {
    const key = randomBytes(15).toString('base64url')
    const salt = randomBytes(16)
    const keyHash = createHash('sha256').update(Buffer.concat([salt, Buffer.from(key)])).digest('hex')
    const all = { securityProfile: 1, salt: salt.toString('hex'), keyHash, updatedTs: Date.now(), ...fields }
    await this.call('HSET', `kw:1:auth:${cs}`, ...Object.entries(all).flat())
    return key
  }

  token(tag, fields = { status: 'Accepted' }) {
    return this.call('HSET', `kw:1:token:${tag}`, ...Object.entries(fields).flat())
  }

  /** Redis goes away (its data stay) and comes back on the same port. */
  async away(signal) {
    await this.server.kill(signal)
    this.client.close()
  }

  async back() {
    await this.server.run()
    this.client = this.server.client()
  }

  async stop() {
    this.client.close()
    await this.server.stop()
  }
}
