// resp.mjs - Redis for tests: one socket, commands answered in order, nothing else.
//
// Bulk strings come back as text, nil as null, integers as numbers, errors as Error values.

import net from 'node:net'

function parse(buffer, at) {
  const end = buffer.indexOf('\r\n', at)
  if (end < 0) return null
  const line = buffer.toString('utf8', at + 1, end)
  const next = end + 2
  switch (String.fromCharCode(buffer[at])) {
    case '+': return { value: line, next }
    case '-': return { value: new Error(line), next }
    case ':': return { value: Number(line), next }
    case '$': {
      const length = Number(line)
      if (length < 0) return { value: null, next }
      if (buffer.length < next + length + 2) return null
      return { value: buffer.toString('utf8', next, next + length), next: next + length + 2 }
    }
    case '*': {
      const items = []
      let from = next
      for (let i = 0; i < Number(line); i++) {
        const item = parse(buffer, from)
        if (item === null) return null
        items.push(item.value)
        from = item.next
      }
      return { value: Number(line) < 0 ? null : items, next: from }
    }
    default: throw new Error(`not RESP: ${line}`)
  }
}

/** Connect to a path (unix socket) or {host, port}. */
export async function connectRedis(where) {
  const socket = net.connect(where)
  const waiting = []
  let buffer = Buffer.alloc(0)
  await new Promise((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  const failAll = (error) => waiting.splice(0).forEach((one) => one.reject(error))
  socket.on('error', failAll)
  socket.on('close', () => failAll(new Error('the connection to Redis is closed')))
  socket.on('data', (bytes) => {
    buffer = Buffer.concat([buffer, bytes])
    for (let found = parse(buffer, 0); found !== null; found = buffer.length > 0 ? parse(buffer, 0) : null) {
      buffer = buffer.subarray(found.next)
      const one = waiting.shift()
      if (found.value instanceof Error) one.reject(found.value)
      else one.resolve(found.value)
    }
  })
  return {
    command(...args) {
      const parts = args.map((arg) => Buffer.from(String(arg)))
      const chunks = [Buffer.from(`*${parts.length}\r\n`)]
      for (const part of parts) chunks.push(Buffer.from(`$${part.length}\r\n`), part, Buffer.from('\r\n'))
      return new Promise((resolve, reject) => {
        waiting.push({ resolve, reject })
        socket.write(Buffer.concat(chunks))
      })
    },
    async hash(key) {
      const flat = await this.command('HGETALL', key)
      const out = {}
      for (let i = 0; i < flat.length; i += 2) out[flat[i]] = flat[i + 1]
      return out
    },
    /** Entries of a stream as objects with d decoded. */
    async stream(key, from = '-') {
      const entries = await this.command('XRANGE', key, from, '+')
      return entries.map(([id, flat]) => {
        const out = { id }
        for (let i = 0; i < flat.length; i += 2) out[flat[i]] = flat[i + 1]
        if (out.d !== undefined) out.d = JSON.parse(out.d)
        return out
      })
    },
    close() { socket.destroy() },
  }
}
