// service.mjs - a real `kilowatch serve` for a scene: its own data folder, port, administrator and token.
//
// stop() checks what every scene must end with: exit status 0 (99 is a sanitizer's report).
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from './redis.mjs'
import { WsClient } from './ws-client.mjs'

export const root = fileURLToPath(new URL('../../..', import.meta.url))
export const program = process.env.KW_BIN ?? join(root, 'build/asan/kilowatch')

export class Service {
  /** options: values of KW_* variables by option name; `folder` is kept over restarts. */
  static async start(redisUrl, options = {}) {
    const service = new Service()
    service.folder = mkdtempSync(join(tmpdir(), 'kw-service-'))
    service.options = { redis_url: redisUrl, listen_host: '127.0.0.1', listen_port: 0, ...options }
    await service.run()
    return service
  }

  async run() {
    const env = { ...process.env }
    for (const [name, value] of Object.entries({ data_dir: this.folder, ...this.options }))
      env[`KW_${name.toUpperCase()}`] = String(value)
    rmSync(join(this.folder, 'ports.json'), { force: true })
    this.log = ''
    this.exit = null
    this.process = spawn(program, ['serve'], { env, stdio: ['ignore', 'ignore', 'pipe'] })
    this.process.stderr.on('data', (piece) => (this.log += piece))
    this.ended = new Promise((resolve) => this.process.once('exit', (code, signal) => {
      this.exit = { code, signal }
      resolve(this.exit)
    }))
    await until('the service listens', () => {
      if (this.exit) throw new Error(`the service ended: ${JSON.stringify(this.exit)}\n${this.log}`)
      return existsSync(join(this.folder, 'ports.json'))
    }, 30000)
    const ports = JSON.parse(readFileSync(join(this.folder, 'ports.json'), 'utf8'))
    this.scheme = ports.https ? 'https' : 'http'
    this.port = ports.https ?? ports.http
  }

  /** {status, headers, text, json}: never throws for a status. */
  fetch(method, path, { body, headers = {}, agent } = {}) {
    const text = body === undefined ? undefined : JSON.stringify(body)
    return new Promise((resolve, reject) => {
      const call = request({
        host: '127.0.0.1', port: this.port, method, path, agent, rejectUnauthorized: false,
        headers: {
          ...(text === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }),
          ...(this.token && !headers.Cookie ? { Authorization: `Bearer ${this.token}` } : {}), ...headers,
        },
      }, (response) => {
        let answer = ''
        response.setEncoding('utf8')
        response.on('data', (piece) => (answer += piece))
        response.on('end', () => {
          let json
          try { json = JSON.parse(answer) } catch { json = undefined }
          resolve({ status: response.statusCode, headers: response.headers, text: answer, json })
        })
      })
      call.on('error', reject)
      call.end(text)
    })
  }

  async expect(status, method, path, body, headers) {
    const answer = await this.fetch(method, path, { body, headers })
    assert.equal(answer.status, status, `${method} ${path}: ${answer.status} ${answer.text.slice(0, 400)}`)
    return answer.json
  }

  /** First administrator, a token with every right, one node and the stations. */
  async prepare(stationIds, nameEnding = '') {
    const code = readFileSync(join(this.folder, 'setup-code'), 'utf8').trim()
    const made = await this.fetch('POST', '/api/v1/setup', {
      body: { code, email: 'admin@example.org', name: 'Admin', password: 'a long enough pass phrase' },
      headers: { Origin: `https://127.0.0.1:${this.port}`, Host: `127.0.0.1:${this.port}` },
    })
    assert.equal(made.status, 201, made.text)
    this.cookie = made.headers['set-cookie'][0].split(';')[0]
    const token = await this.fetch('POST', '/api/v1/tokens', {
      body: { name: 'scene', scopes: ['*'] },
      headers: { Cookie: this.cookie, Origin: `https://127.0.0.1:${this.port}` },
    })
    assert.equal(token.status, 201, token.text)
    this.token = token.json.token
    const node = await this.expect(201, 'POST', '/api/v1/nodes',
      { kind: 'grid', name: 'Grid', limit_ma: [400000, 400000, 400000] })
    this.nodeId = node.id
    for (const id of stationIds)
      await this.expect(201, 'POST', '/api/v1/stations',
        { id, name: id + nameEnding, node_id: node.id, phases: 3, connectors: [{ id: 1 }] })
  }

  live(options = {}) {
    const headers = options.headers ?? { Authorization: `Bearer ${this.token}` }
    return WsClient.open(`wss://127.0.0.1:${this.port}/api/v1/live`, { ...options, headers })
  }

  async metric(name) {
    const { text } = await this.fetch('GET', '/metrics')
    const line = text.split('\n').find((one) => one.startsWith(`${name} `))
    return line === undefined ? undefined : Number(line.split(' ').pop())
  }

  async ready(timeoutMs = 15000) {
    await until('the service is ready', async () => (await this.fetch('GET', '/readyz')).status === 200, timeoutMs)
  }

  async kill() {
    this.process.kill('SIGKILL')
    await this.ended
  }

  async stop() {
    if (!this.exit) {
      this.process.kill('SIGTERM')
      await this.ended
      assert.deepEqual(this.exit, { code: 0, signal: null }, `the service ended badly:\n${this.log.slice(-4000)}`)
    }
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Rows of a snapshot or delta as objects, by the columns of the welcome. */
export function named(welcome, topic, message) {
  return message.data.map((row) => Object.fromEntries(welcome.schema[topic].map((name, at) => [name, row[at]])))
}
