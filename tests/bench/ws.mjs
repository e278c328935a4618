// ws.mjs - `./kw bench ws`: fan-out of 200-byte messages to 100 readers, plain and TLS.
//
// One publisher, a closed window of 32 messages; every delivery is checked by the reader. Floor: one
// bare send() per delivery. The CPU time of the bars includes the handshakes, as everywhere in the design's
// figures; the second column leaves them out. Peer: npm `ws`. The generator is the same for all of them.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BUILD, buildPrograms, checkBars, cpuMicros, medianRatio, options, printTable, rssMegabytes, runGenerator, spread, startServer } from './support/measure.mjs'

const { rounds, seconds, readers } = options({ rounds: 5, seconds: 2, readers: 100 })

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
for (const variant of variants) Object.assign(variant, { micros: [], bare: [], rates: [] })
for (let round = 0; round < rounds; round++) {
  for (const { server, tls, micros, bare, rates } of variants) {
    const url = `${tls ? 'wss' : 'ws'}://127.0.0.1:${server.port}/`
    const before = cpuMicros(server.pid)
    let open = 0 // when all are connected
    const text = await runGenerator([`${BUILD}/bench_ws_client`, url, String(readers), String(seconds), ...(tls ? [cert] : [])],
      () => { open = cpuMicros(server.pid) })
    const [deliveries, took] = text.trim().split('\n').at(-1).split(' ').map(Number)
    micros.push((cpuMicros(server.pid) - before) / deliveries)
    bare.push((cpuMicros(server.pid) - open) / deliveries)
    rates.push(deliveries / took)
  }
}
printTable(['server', 'CPU us/delivery', 'without connecting', 'deliveries/s', 'RSS MB'], variants.map((variant) => [
  variant.name, spread(variant.micros, 3), spread(variant.bare, 3), spread(variant.rates, 0), rssMegabytes(variant.server.pid).toFixed(0),
]))
const [floor, plain, peer, secure, securePeer] = variants.map((variant) => variant.micros)
checkBars([
  { text: 'npm ws plain, CPU / ours', value: medianRatio(peer, plain), least: 10 },
  { text: 'npm ws TLS, CPU / ours', value: medianRatio(securePeer, secure), least: 3 },
  { text: 'ours plain, CPU / floor', value: medianRatio(plain, floor), most: 1 },
])
for (const { server } of variants) await server.stop()
rmSync(folder, { recursive: true })
