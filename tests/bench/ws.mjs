// ws.mjs - `./kw bench ws`: fan-out of 200-byte messages to 100 readers, plain and TLS.
//
// One publisher, a closed window of 32 messages; every delivery is checked by the reader. Floor: one
// bare send() per delivery. Peer: npm `ws`. The generator is the same for all of them.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BUILD, buildPrograms, checkBars, cpuMicros, medianRatio, options, printTable, rssMegabytes, runGenerator, spread, startServer } from './support/measure.mjs'

const { rounds, seconds, readers } = options({ rounds: 3, seconds: 2, readers: 100 })

buildPrograms()
const folder = mkdtempSync(join(tmpdir(), 'kw-bench-'))
const cert = join(folder, 'cert.pem')
const key = join(folder, 'key.pem')
const node = ['node', 'tests/bench/support/node-ws.mjs']
const variants = [
  { name: 'floor: one send() per delivery', server: await startServer([`${BUILD}/bench_ws_floor`]) },
  { name: 'ours, plain', server: await startServer([`${BUILD}/bench_ws_server`]) },
  { name: 'npm ws, plain', server: await startServer(node) },
  { name: 'ours, TLS', server: await startServer([`${BUILD}/bench_ws_server`, cert, key]), tls: true },
  { name: 'npm ws, TLS', server: await startServer([...node, cert, key]), tls: true },
]
for (const variant of variants) Object.assign(variant, { micros: [], rates: [] })
for (let round = 0; round < rounds; round++) {
  for (const { server, tls, micros, rates } of variants) {
    const url = `${tls ? 'wss' : 'ws'}://127.0.0.1:${server.port}/`
    let before = 0 // when all are connected: handshakes are no deliveries
    const text = await runGenerator([`${BUILD}/bench_ws_client`, url, String(readers), String(seconds), ...(tls ? [cert] : [])],
      () => { before = cpuMicros(server.pid) })
    const [deliveries, took] = text.trim().split('\n').at(-1).split(' ').map(Number)
    micros.push((cpuMicros(server.pid) - before) / deliveries)
    rates.push(deliveries / took)
  }
}
printTable(['server', 'CPU us/delivery', 'deliveries/s', 'RSS MB'], variants.map((variant) => [
  variant.name, spread(variant.micros, 3), spread(variant.rates, 0), rssMegabytes(variant.server.pid).toFixed(0),
]))
const [floor, plain, peer, secure, securePeer] = variants.map((variant) => variant.micros)
checkBars([
  { text: 'npm ws plain, CPU / ours', value: medianRatio(peer, plain), least: 10 },
  { text: 'npm ws TLS, CPU / ours', value: medianRatio(securePeer, secure), least: 3 },
  { text: 'ours plain, CPU / floor', value: medianRatio(plain, floor), most: 1 },
])
for (const { server } of variants) await server.stop()
rmSync(folder, { recursive: true })
