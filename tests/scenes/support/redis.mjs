// redis.mjs - a private redis-server for a scene, and a small RESP2 client to look into it.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Wait until `probe` gives something truthy; throws with `what` after `timeoutMs`. */
export async function until(what, probe, timeoutMs = 10000) {
  const end = Date.now() + timeoutMs
  for (;;) {
    const found = await probe()
    if (found) return found
    if (Date.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    await sleep(20)
  }
}

export async function freePort() {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

function parse(bytes, at) {
  const end = bytes.indexOf('\r\n', at)
  if (end < 0) return null
  const line = bytes.toString('utf8', at + 1, end)
  const next = end + 2
  const kind = String.fromCharCode(bytes[at])
  if (kind === '+') return [line, next]
  if (kind === '-') return [new Error(line), next]
  if (kind === ':') return [Number(line), next]
  const length = Number(line)
  if (length < 0) return [null, next]
  if (kind === '$') {
    if (bytes.length < next + length + 2) return null
    return [bytes.toString('utf8', next, next + length), next + length + 2]
  }
  const items = []
  let from = next
  for (let i = 0; i < length; i++) {
    const item = parse(bytes, from)
    if (!item) return null
    items.push(item[0])
    from = item[1]
  }
  return [items, from]
}

/** `await redis('GET', 'key')`; answers come in order, an error reply throws. */
export class RedisClient {
  #socket
  #waiting = []
  #bytes = Buffer.alloc(0)

  constructor(port) {
    this.#socket = connect(port, '127.0.0.1')
    this.#socket.on('data', (piece) => this.#take(piece))
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => {
      for (const wait of this.#waiting) wait.reject(new Error('the link to redis is closed'))
      this.#waiting = []
    })
  }

  #take(piece) {
    this.#bytes = Buffer.concat([this.#bytes, piece])
    let at = 0
    for (let found; (found = at < this.#bytes.length ? parse(this.#bytes, at) : null); at = found[1]) {
      const wait = this.#waiting.shift()
      if (found[0] instanceof Error) wait.reject(found[0])
      else wait.resolve(found[0])
    }
    this.#bytes = this.#bytes.subarray(at)
  }

  call(...args) {
    const parts = args.map((arg) => Buffer.from(String(arg)))
    this.#socket.write(
      Buffer.concat([
        Buffer.from(`*${parts.length}\r\n`),
        ...parts.flatMap((part) => [Buffer.from(`$${part.length}\r\n`), part, Buffer.from('\r\n')]),
      ]),
    )
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  close() {
    this.#socket.destroy()
  }
}

/** A redis-server of our own on loopback: append-only file, a folder that is removed by stop(). */
export class RedisServer {
  static async start(port = 0) {
    const server = new RedisServer()
    server.folder = mkdtempSync(join(tmpdir(), 'kw-redis-'))
    server.port = port || (await freePort())
    await server.run()
    return server
  }

  async run() {
    this.process = spawn(
      'redis-server',
      ['--port', this.port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'yes', '--appendfsync',
        'everysec', '--dir', this.folder, '--logfile', join(this.folder, 'log')].map(String),
      { stdio: 'ignore' },
    )
    await until('redis answers', async () => {
      const client = new RedisClient(this.port)
      const answer = await client.call('PING').catch(() => null)
      client.close()
      return answer === 'PONG'
    })
  }

  get url() {
    return `redis://127.0.0.1:${this.port}`
  }

  client() {
    return new RedisClient(this.port)
  }

  async kill(signal = 'SIGKILL') {
    const gone = new Promise((resolve) => this.process.once('exit', resolve))
    this.process.kill(signal)
    await gone
  }

  async stop() {
    if (this.process.exitCode === null && this.process.signalCode === null) await this.kill('SIGTERM')
    rmSync(this.folder, { recursive: true, force: true })
  }
}
