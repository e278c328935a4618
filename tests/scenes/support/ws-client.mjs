// ws-client.mjs - a WebSocket client small enough to misbehave on purpose: it can stop reading, break
// frames and leave out headers. Text messages are parsed as JSON and kept in order.
import { createHash, randomBytes } from 'node:crypto'
import { connect as tcp } from 'node:net'
import { connect as tls } from 'node:tls'

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

export class WsClient {
  messages = []
  closed = null // {code, reason} once gone
  status = null // status line of the handshake
  #bytes = Buffer.alloc(0)
  #open = false
  #waits = []

  /** url wss://host:port/path; headers: extra ones; resolves when open, rejects with .status otherwise. */
  static open(url, { protocol = 'kw.live.v1', headers = {} } = {}) {
    const client = new WsClient()
    const { hostname, port, pathname, host, protocol: scheme } = new URL(url)
    const key = randomBytes(16).toString('base64')
    const all = {
      Host: host, Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': key,
      ...(protocol ? { 'Sec-WebSocket-Protocol': protocol } : {}), ...headers,
    }
    const head = `GET ${pathname} HTTP/1.1\r\n${Object.entries(all).map(([n, v]) => `${n}: ${v}\r\n`).join('')}\r\n`
    return new Promise((resolve, reject) => {
      const ready = () => client.socket.write(head)
      client.socket = scheme === 'wss:'
        ? tls({ host: hostname, port, rejectUnauthorized: false, servername: 'localhost' }, ready)
        : tcp({ host: hostname, port }, ready)
      const refuse = (text) => reject(Object.assign(new Error(text), { status: client.status }))
      client.socket.on('data', (piece) => client.#take(piece, key, resolve, refuse))
      client.socket.on('error', (error) => refuse(String(error)))
      client.socket.on('close', () => {
        client.closed ??= { code: 1006, reason: '' }
        refuse('closed before it was open')
        client.#wake()
      })
    })
  }

  #take(piece, key, resolve, refuse) {
    this.#bytes = Buffer.concat([this.#bytes, piece])
    if (!this.#open) {
      const end = this.#bytes.indexOf('\r\n\r\n')
      if (end < 0) return
      const head = this.#bytes.toString('latin1', 0, end)
      this.head = head
      this.status = Number(head.split(' ')[1])
      const accept = createHash('sha1').update(key + GUID).digest('base64')
      if (this.status !== 101 || !head.includes(accept)) {
        refuse(`handshake: ${head.split('\r\n')[0]}`)
        return
      }
      this.#open = true
      this.#bytes = this.#bytes.subarray(end + 4)
      resolve(this)
    }
    while (this.#frame());
    this.#wake()
  }

  #frame() {
    const bytes = this.#bytes
    if (bytes.length < 2) return false
    let length = bytes[1] & 0x7f
    let at = 2
    if (length === 126) {
      if (bytes.length < 4) return false
      length = bytes.readUInt16BE(2)
      at = 4
    } else if (length === 127) {
      if (bytes.length < 10) return false
      length = Number(bytes.readBigUInt64BE(2))
      at = 10
    }
    if (bytes.length < at + length) return false
    const payload = bytes.subarray(at, at + length)
    const opcode = bytes[0] & 0x0f
    this.#bytes = bytes.subarray(at + length)
    if (opcode === 1) this.messages.push(JSON.parse(payload.toString('utf8')))
    else if (opcode === 9) this.frame(10, payload)
    else if (opcode === 8) {
      this.closed = { code: length >= 2 ? payload.readUInt16BE(0) : 1005, reason: payload.toString('utf8', 2) }
      this.frame(8, payload.subarray(0, 2))
      this.socket.end()
    }
    return true
  }

  /** One masked final frame. */
  frame(opcode, payload) {
    const body = Buffer.from(payload)
    const mask = randomBytes(4)
    const head = body.length < 126 ? Buffer.from([0x80 | opcode, 0x80 | body.length])
      : Buffer.from([0x80 | opcode, 0x80 | 126, body.length >> 8, body.length & 255])
    for (let i = 0; i < body.length; i++) body[i] ^= mask[i % 4]
    if (!this.socket.destroyed) this.socket.write(Buffer.concat([head, mask, body]))
  }

  send(message) {
    this.frame(1, typeof message === 'string' ? message : JSON.stringify(message))
  }

  #wake() {
    this.#waits = this.#waits.filter((wait) => !wait())
  }

  /** The first message not yet taken for which `test` holds; those before it are dropped. */
  next(what, test, timeoutMs = 10000) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`no ${what} within ${timeoutMs} ms; last: ${JSON.stringify(this.messages.slice(-3))}`))
      }, timeoutMs)
      const look = () => {
        const at = this.messages.findIndex(test)
        if (at < 0 && !this.closed) return false
        clearTimeout(timer)
        if (at < 0) reject(new Error(`closed with ${this.closed.code} ${this.closed.reason} before ${what}`))
        else resolve(this.messages.splice(0, at + 1).pop())
        return true
      }
      if (!look()) this.#waits.push(look)
    })
  }

  whenClosed(timeoutMs = 10000) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`still open after ${timeoutMs} ms`)), timeoutMs)
      const look = () => {
        if (!this.closed) return false
        clearTimeout(timer)
        resolve(this.closed)
        return true
      }
      if (!look()) this.#waits.push(look)
    })
  }

  stopReading() {
    this.socket.pause()
  }

  close() {
    this.socket.destroy()
  }
}
