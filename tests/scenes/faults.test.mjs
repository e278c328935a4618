// faults.test.mjs - a handful of kills under load: nothing acknowledged is lost, doubled or changed.
//
// The long form is `./kw bench --faults`.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compare, PARTS, run } from '../support/faults.mjs'

test('the comparison of the books finds what it looks for', () => {
  const stop = { station_id: 'A', transaction_id: 1, connector_id: 1, energy_wh: 5, meter_start_wh: 10, meter_stop_wh: 15 }
  const row = { id: 'A~1', station_id: 'A', connector_id: 1, state: 'finished', energy_wh: 5, meter_start_wh: 10, meter_stop_wh: 15 }
  const books = { starts: [stop], stops: [stop], dropped: [] }
  assert.deepEqual(compare(books, [row]), [])
  assert.match(compare(books, [])[0], /^lost/)
  assert.match(compare(books, [row, row])[0], /^doubled/)
  assert.match(compare(books, [{ ...row, energy_wh: 6 }])[0], /^changed/)
  assert.match(compare(books, [{ ...row, state: 'active' }])[0], /^changed/)
  assert.match(compare(books, [row, { ...row, id: 'A~2' }])[0], /^nobody started/)
  assert.match(compare({ ...books, stops: [] }, [row])[0], /^started and never stopped/)
})

test('kill -9 of service, gateway and Redis in turn', { timeout: 180_000 }, async (t) => {
  const result = await run({ stations: 60, kills: 6, between_ms: [700, 1800], calm: true, say: (text) => t.diagnostic(text) })
  assert.deepEqual(result.wrong, [])
  for (const part of PARTS) assert.equal(result.kills[part], 2)
  assert.ok(result.forgotten_bytes.every((bytes) => bytes > 1000), `Redis forgot something: ${result.forgotten_bytes}`)
  assert.ok(result.stops >= 60, `enough transactions to mean something: ${result.stops}`)
  assert.equal(result.status, 0, 'the demo stops cleanly')
})
