// http.mjs - `./kw bench http`: CPU time of a keep-alive request against a floor that parses nothing.
//
// Floor: epoll, read, write of as many bytes as our answer has. Ours: a C route that formats a
// status object, and a Lua route that returns the same as a table, both with all security headers.
// Generator: wrk, one thread, 64 connections.
import { connect } from 'node:net'
import { BUILD, buildPrograms, checkBars, cpuMicros, medianRatio, options, printTable, rssMegabytes, runGenerator, spread, startServer } from './support/measure.mjs'

const { rounds, seconds } = options({ rounds: 5, seconds: 2 })

/** Bytes of one whole answer. */
function answerBytes(port) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET /status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'))
    let text = ''
    socket.on('error', reject)
    socket.on('data', (piece) => {
      text += piece
      const head = text.indexOf('\r\n\r\n')
      const length = /content-length: (\d+)/i.exec(text)
      if (!text.startsWith('HTTP/1.1 200')) reject(new Error(text))
      if (head > 0 && length && text.length === head + 4 + Number(length[1])) {
        socket.destroy()
        resolve(text.length)
      }
    })
  })
}

buildPrograms()
const ours = await startServer([`${BUILD}/bench_http_server`, 'c'])
const bytes = await answerBytes(ours.port)
const variants = [
  { name: `floor: read and write, ${bytes} bytes`, server: await startServer([`${BUILD}/bench_http_floor`, String(bytes)]) },
  { name: 'ours: C route', server: ours },
  { name: 'ours: Lua route, table to JSON', server: await startServer([`${BUILD}/bench_http_server`, 'lua']) },
  { name: 'node http', server: await startServer(['node', 'tests/bench/support/node-http.mjs']) },
]
const luaBytes = await answerBytes(variants[2].server.port)
if (Math.abs(luaBytes - bytes) > 64) throw new Error(`the C route answers ${bytes} bytes and the Lua route ${luaBytes}`)

for (const variant of variants) Object.assign(variant, { micros: [], rates: [] })
for (let round = 0; round < rounds; round++) {
  for (const { server, micros, rates } of variants) {
    const before = cpuMicros(server.pid)
    const text = await runGenerator(['wrk', '-t1', '-c64', `-d${seconds}s`, `http://127.0.0.1:${server.port}/status`])
    const requests = Number(/(\d+) requests in/.exec(text)[1])
    if (/Non-2xx|Socket errors/.test(text)) throw new Error(text)
    micros.push((cpuMicros(server.pid) - before) / requests)
    rates.push(requests / seconds)
  }
}
const floor = variants[0].micros
printTable(['server', 'CPU us/request', '/ floor', 'requests/s', 'RSS MB'], variants.map((variant) => [
  variant.name, spread(variant.micros, 2), medianRatio(variant.micros, floor).toFixed(2),
  spread(variant.rates, 0), rssMegabytes(variant.server.pid).toFixed(0),
]))
checkBars([
  { text: 'C route, CPU / floor', value: medianRatio(variants[1].micros, floor), most: 1.25 },
  { text: 'Lua route, CPU / floor', value: medianRatio(variants[2].micros, floor), most: 1.4 },
  { text: 'node http, CPU / C route', value: medianRatio(variants[3].micros, variants[1].micros), least: 1.7 },
])
for (const { server } of variants) await server.stop()
