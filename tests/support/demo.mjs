// demo.mjs - a whole complex for a test in node: the demo, its REST API, its parts to kill.
//
// Everything that is started here is stopped by stop(): by its own pid, never by name. With --restart the
// demo starts a part again when it dies, as a service manager would.

import { spawn } from 'node:child_process'
import {
  existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync,
} from 'node:fs'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

export const root = resolve(import.meta.dirname, '../..')

export const pause = (ms) => new Promise((done) => setTimeout(done, ms))

// until(CHECK, SECONDS, WHAT): wait until CHECK() is truthy; its value, or an error that says WHAT.
export async function until(check, seconds, what) {
  const end = Date.now() + seconds * 1000
  let last
  for (;;) {
    try {
      const value = await check()
      if (value) return value
      last = undefined
    } catch (error) {
      last = error
    }
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s${last ? ` (${last.message})` : ''}`)
    await pause(100)
  }
}

export class Demo {
  // options: {stations, data?, args: [demo options], fleet: [fleet options; %DATA% is the demo's folder]}
  static async start(options) {
    const demo = new Demo()
    demo.data = options.data ?? mkdtempSync(join(tmpdir(), 'kw-demo-'))
    demo.output = ''
    const args = ['examples/demo/run.sh', '--headless', '--port', '0', '--data', demo.data,
      '--stations', String(options.stations), ...(options.args ?? []), '--',
      ...(options.fleet ?? []).map((word) => word.replace('%DATA%', demo.data))]
    demo.began = Date.now()
    demo.process = spawn('sh', args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    demo.ended = new Promise((done) => demo.process.on('exit', (code, signal) => {
      demo.status = code ?? signal
      done(demo.status)
    }))
    for (const stream of [demo.process.stdout, demo.process.stderr])
      stream.on('data', (bytes) => { demo.output += bytes })
    try {
      await until(() => demo.status !== undefined || existsSync(join(demo.data, 'demo.json')), options.within ?? 120, 'demo.json')
      if (demo.status !== undefined) throw new Error(`the demo ended with ${demo.status}`)
    } catch (error) {
      const words = demo.output
      await demo.stop().catch(() => {})
      throw new Error(`${error.message}\n${words}`)
    }
    demo.ready_ms = Date.now() - demo.began
    demo.about = JSON.parse(readFileSync(join(demo.data, 'demo.json'), 'utf8'))
    demo.agent = new https.Agent({ ca: readFileSync(demo.about.ca_file), keepAlive: false })
    return demo
  }

  // GET of the REST API: {status, body (decoded JSON)}. Rejects when the service is away.
  get(path) {
    return new Promise((done, fail) => {
      const request = https.get(this.about.url + path, { agent: this.agent, timeout: 10000,
        headers: { authorization: `Bearer ${this.about.token}` } }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (part) => { text += part })
        response.on('end', () => {
          let body
          try { body = JSON.parse(text) } catch { body = text }
          done({ status: response.statusCode, body })
        })
        response.on('error', fail)
      })
      request.on('timeout', () => request.destroy(new Error('no answer in 10 s')))
      request.on('error', fail)
    })
  }

  async all(path) {
    const items = []
    let cursor
    do {
      const page = await this.get(`${path}?limit=1000${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`)
      if (page.status !== 200) throw new Error(`GET ${path}: ${page.status} ${JSON.stringify(page.body)}`)
      items.push(...page.body.items)
      cursor = page.body.next_cursor
    } while (cursor)
    return items
  }

  pid(part) { return Number(readFileSync(join(this.data, 'run', `${part}.pid`), 'utf8')) }

  // kill -9 of some parts at once; resolves when all were started again.
  async kill(...parts) {
    const pids = parts.map((part) => this.pid(part))
    for (const pid of pids) process.kill(pid, 'SIGKILL')
    for (const [i, part] of parts.entries())
      await until(() => this.pid(part) !== pids[i], 10, `${part} started again`)
  }

  // Redis dies and forgets what it took in the last `ms`, as after a power cut with appendfsync everysec
  // (a kill alone loses nothing: the page cache lives on). The service is dead meanwhile, so nobody has read it.
  async forget(ms) {
    const hold = join(this.data, 'run', 'hold')
    const folder = join(this.data, 'redis', 'appendonlydir')
    const log = () => join(folder, readdirSync(folder).filter((name) => name.endsWith('.incr.aof'))
      .sort((a, b) => a.split('.')[2] - b.split('.')[2]).at(-1))
    writeFileSync(hold, '')
    const service = this.pid('service')
    const redis = this.pid('redis')
    process.kill(service, 'SIGKILL')
    await pause(200)
    const bytes = statSync(log()).size
    await pause(ms)
    process.kill(redis, 'SIGKILL')
    await pause(50)
    const forgotten = statSync(log()).size - bytes
    truncateSync(log(), bytes)
    rmSync(hold)
    await until(() => this.pid('service') !== service && this.pid('redis') !== redis, 10, 'service and redis started again')
    return forgotten
  }

  ready(seconds = 20) {
    return until(async () => (await this.get('/readyz')).status === 200, seconds, '/readyz')
  }

  log(part, lines = 20) {
    const path = join(this.data, 'log', `${part}.log`)
    return existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n').slice(-lines).join('\n') : ''
  }

  // Stop everything; resolves with the demo's exit status.
  async stop({ keep = false } = {}) {
    if (this.status === undefined) this.process.kill('SIGTERM')
    const status = await this.ended
    this.agent?.destroy()
    if (!keep) rmSync(this.data, { recursive: true, force: true })
    return status
  }
}
