// faults.mjs - kill -9 under load, and the books compared: the one experiment of the fault tests.
//
// The fleet writes a ledger of what the central system acknowledged. Service, gateway and Redis are killed
// in turn and started again, every other Redis without its last second; then the fleet ends its sessions, waits for every answer, and the store must
// hold each acknowledged transaction once, with the same energy, and none that the fleet does not know.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Demo, pause, until } from './demo.mjs'

export const PARTS = ['service', 'gateway', 'redis']

function readLedger(path) {
  const rows = existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line)) : []
  const of = (kind) => rows.filter((row) => row.kind === kind)
  return { starts: of('start'), stops: of('stop'), dropped: of('dropped'), end: of('end')[0] }
}

const keyOf = (station, transaction) => `${station}~${transaction}`

// What is wrong, in words; empty when the books agree.
export function compare(ledger, stored) {
  const wrong = []
  const byKey = new Map()
  for (const row of stored) {
    const key = keyOf(row.station_id, row.id.slice(row.id.lastIndexOf('~') + 1))
    if (byKey.has(key)) wrong.push(`doubled: ${key}`)
    byKey.set(key, row)
  }
  const known = new Set()
  for (const stop of ledger.stops) {
    const key = keyOf(stop.station_id, stop.transaction_id)
    const row = byKey.get(key)
    if (known.has(key)) wrong.push(`one number for two transactions: ${key}`)
    known.add(key)
    if (!row) wrong.push(`lost: ${key}`)
    else if (row.state !== 'finished' || row.energy_wh !== stop.energy_wh || row.meter_start_wh !== stop.meter_start_wh
      || row.meter_stop_wh !== stop.meter_stop_wh || row.connector_id !== stop.connector_id)
      wrong.push(`changed: ${key}: ledger ${JSON.stringify(stop)} store ${JSON.stringify(row)}`)
  }
  for (const start of ledger.starts)
    if (!known.has(keyOf(start.station_id, start.transaction_id)))
      wrong.push(`started and never stopped: ${keyOf(start.station_id, start.transaction_id)}`)
  for (const key of byKey.keys()) if (!known.has(key)) wrong.push(`nobody started: ${key}`)
  for (const row of ledger.dropped) wrong.push(`given up by the station: ${row.station_id} ${row.action}`)
  return wrong
}

// Run it. options: {stations, kills, between_ms: [low, high], speed, calm, say}
export async function run(options) {
  const say = options.say ?? (() => {})
  const fleet = ['--empty', '--arrivals', 'flat', '--retry', '2', '--call-timeout', '5', '--connect-over', '2',
    ...(options.calm ? ['--calm'] : [])]
  const demo = await Demo.start({ stations: options.stations,
    args: ['--restart', '--speed', String(options.speed ?? 3000)], fleet: [...fleet, '--ledger', '%DATA%/ledger', '--until', '%DATA%/end'] })
  const ledger_file = join(demo.data, 'ledger')
  const result = { kills: { service: 0, gateway: 0, redis: 0 }, recovery_ms: { service: [], gateway: [], redis: [] },
    forgotten_bytes: [] }
  try {
    await until(() => readLedger(ledger_file).stops.length > 0, 60, 'the first acknowledged stop')
    for (let i = 0; i < options.kills; i++) {
      const part = PARTS[i % PARTS.length]
      const [low, high] = options.between_ms
      await pause(low + Math.random() * (high - low))
      const forgets = part === 'redis' && result.kills.redis % 2 === 1
      const forgotten = forgets ? await demo.forget(900) : 0
      const before = Date.now()
      if (!forgets) await demo.kill(part)
      await demo.ready(30)
      result.kills[part]++
      if (forgets) result.forgotten_bytes.push(forgotten)
      result.recovery_ms[part].push(Date.now() - before)
      say(`kill ${i + 1} of ${options.kills}: ${part}${forgets ? `, which forgot ${forgotten} bytes` : ''}, ready again after ${Date.now() - before} ms`)
    }
    await pause(1000)
    writeFileSync(join(demo.data, 'end'), '')
    await until(() => readLedger(ledger_file).end, 120, 'every message answered')
    const ledger = readLedger(ledger_file)
    result.starts = ledger.starts.length
    result.stops = ledger.stops.length
    let wrong = []
    await until(async () => {
      wrong = compare(ledger, await demo.all('/api/v1/transactions'))
      return wrong.length === 0
    }, 20, 'the store has all of it').catch(() => {})
    result.wrong = wrong
  } catch (error) {
    for (const part of [...PARTS, 'fleet']) error.message += `\n--- ${part}\n${demo.log(part, 12)}`
    error.message += `\n--- demo\n${demo.output}`
    throw error
  } finally {
    result.status = await demo.stop({ keep: process.env.KW_KEEP === '1' })
    if (process.env.KW_KEEP === '1') say(`kept: ${demo.data}`)
  }
  return result
}
