// faults.mjs - kill -9 of service, gateway and Redis in turn, 30 times under load (`./kw bench --faults`).
//
// Every other Redis comes back without its last second, as after a power cut with appendfsync everysec.
// Bars: no acknowledged transaction lost, doubled or changed, none that no station started; at least 3,000
// answers compared; the service is ready again within 5 s of each kill.

import { run } from '../support/faults.mjs'

const KILLS = Number(process.argv[2] ?? 30)
const READY_BAR_MS = 5000
const ANSWERS_BAR = Math.round(3000 * KILLS / 30)

const result = await run({ stations: 300, kills: KILLS, between_ms: [300, 3000], say: (text) => console.log(text) })
const worst = (list) => Math.max(...list)
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]
console.log('\npart      kills   ready again, ms: median   worst')
for (const [part, list] of Object.entries(result.recovery_ms))
  console.log(`${part.padEnd(9)} ${String(result.kills[part]).padStart(5)} ${String(median(list)).padStart(24)} ${String(worst(list)).padStart(7)}`)
console.log(`\nacknowledged: ${result.starts} starts, ${result.stops} stops; disagreements with the store: ${result.wrong.length}`)
for (const line of result.wrong.slice(0, 20)) console.log(`  ${line}`)

const slow = worst(Object.values(result.recovery_ms).flat())
const bars = [
  ['disagreements', result.wrong.length, 0, result.wrong.length === 0],
  ['acknowledged answers', result.starts + result.stops, ANSWERS_BAR, result.starts + result.stops >= ANSWERS_BAR],
  ['worst return, ms', slow, READY_BAR_MS, slow <= READY_BAR_MS],
  ['exit of the demo', result.status, 0, result.status === 0],
]
console.log('\nbar                       measured       bar')
for (const [name, value, bar, ok] of bars)
  console.log(`${name.padEnd(22)} ${String(value).padStart(11)} ${String(bar).padStart(9)}  ${ok ? 'ok' : 'MISSED'}`)
process.exit(bars.every(([, , , ok]) => ok) ? 0 : 1)
