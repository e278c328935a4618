// ingest.mjs - `./kw bench ingest`: a stream of 500,000 entries through our link against a raw walker.
//
// The bound: a blocking socket and a walker over RESP2 in place. Ours: the event loop and replies on an
// arena; and, for orientation, each entry decoded into an event. A private redis-server on core 0.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BUILD, buildPrograms, checkBars, medianRatio, options, printTable, runGenerator, spread } from './support/measure.mjs'

const { rounds, entries, count } = options({ rounds: 5, entries: 500000, count: 1000 })

function resp(args) {
  return `*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join('')}`
}

function entry(n) {
  return resp(['XADD', 'kw:bench', '*', 'v', '1', 'n', String(n), 'type', 'meter.values', 'cs', `EV-${String(n % 500).padStart(4, '0')}`,
    'evse', '1', 'con', '1', 'ts', String(1700000000000 + n), 'd', `{"s":[{"m":"Power.Active.Import","v":${7000 + n % 400},"u":"W"}]}`])
}

/** Pipelined XADDs in blocks of 5,000, each awaited. */
async function load(socketPath) {
  const socket = connect(socketPath)
  await once(socket, 'connect')
  let answers = 0
  socket.on('data', (piece) => {
    for (const byte of piece) if (byte === 0x24) answers++ // each answer is one bulk string
  })
  for (let from = 1; from <= entries; from += 5000) {
    let text = ''
    const to = Math.min(entries, from + 4999)
    for (let n = from; n <= to; n++) text += entry(n)
    socket.write(text)
    while (answers < to) await once(socket, 'data')
  }
  socket.destroy()
}

buildPrograms()
const folder = mkdtempSync(join(tmpdir(), 'kw-bench-'))
const socketPath = join(folder, 's')
const redis = spawn('taskset', ['-c', '0', 'redis-server', '--port', '0', '--unixsocket', socketPath, '--save', '', '--appendonly', 'no'], { stdio: 'ignore' })
try {
  for (let i = 0; i < 100; i++) {
    const up = await new Promise((resolve) => {
      const probe = connect(socketPath, () => { probe.destroy(); resolve(true) })
      probe.on('error', () => resolve(false))
    })
    if (up) break
    await sleep(50)
  }
  await load(socketPath)
  const variants = [
    { name: 'bound: socket and RESP2 walker', command: ['bench_ingest_raw'] },
    { name: 'ours: loop, arena replies', command: ['bench_ingest_ours'] },
    { name: 'ours: and decoded to events', command: ['bench_ingest_ours'], more: ['decode'] },
  ]
  for (const variant of variants) Object.assign(variant, { rates: [] })
  let checksum
  for (let round = 0; round < rounds; round++) {
    for (const { command, more = [], rates } of variants) {
      const text = await runGenerator([`${BUILD}/${command[0]}`, socketPath, String(entries), String(count), ...more])
      const [read, took, sum] = text.trim().split(' ').map(Number)
      if (read !== entries || (checksum ?? sum) !== sum) throw new Error(`other entries were read: ${text}`)
      checksum = sum
      rates.push(read / took)
    }
  }
  const bound = variants[0].rates
  printTable([`reader, COUNT ${count}`, 'entries/s', '/ bound'], variants.map((variant) => [
    variant.name, spread(variant.rates, 0), medianRatio(variant.rates, bound).toFixed(2),
  ]))
  checkBars([{ text: 'our link, entries/s / bound', value: medianRatio(variants[1].rates, bound), least: 0.7 }])
} finally {
  redis.kill('SIGKILL')
  rmSync(folder, { recursive: true })
}
