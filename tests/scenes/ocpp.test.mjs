// ocpp.test.mjs - A session of a foreign OCPP 1.6J client, from its key to the exact Wh in Redis.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Stage, eventually, newKey, putStation, putToken } from './support/programs.mjs'
import { boot, connectStation, now } from './support/station.mjs'

const stage = new Stage()
const key = newKey()
let redis, gateway

before(async () => {
  redis = await stage.redis()
  gateway = await stage.gateway(redis)
  await putStation(redis, 'EV-1', key)
  await putToken(redis, 'DEADBEEF')
})
after(() => stage.cleanup())

test('boot, authorise, start, meter, stop: the exact Wh', async () => {
  const station = await connectStation(gateway, 'EV-1', key)
  const booted = await boot(station)
  assert.equal(booted.status, 'Accepted')
  assert.equal((await station.call('Authorize', { idTag: 'deadbeef' })).idTagInfo.status, 'Accepted')
  const { transactionId, idTagInfo } = await station.call('StartTransaction',
    { connectorId: 1, idTag: 'deadbeef', meterStart: 1000, timestamp: now() })
  assert.equal(idTagInfo.status, 'Accepted')
  assert.ok(transactionId > 0)
  await station.call('MeterValues', { connectorId: 1, transactionId, meterValue: [{ timestamp: now(), sampledValue: [
    { value: '1500', measurand: 'Energy.Active.Import.Register', unit: 'Wh' },
    { value: '7.36', measurand: 'Power.Active.Import', unit: 'kW' }] }] })
  await station.call('StopTransaction', { transactionId, idTag: 'deadbeef', meterStop: 2234, timestamp: now(), reason: 'Local' })
  const ended = await eventually('tx.ended', async () => (await redis.stream('ev')).find((one) => one.type === 'tx.ended'))
  assert.equal(ended.tx, String(transactionId))
  assert.deepEqual([ended.d.energyWh, ended.d.meterStopWh, ended.d.quality], [1234, 2234, 'ok'])
  const transaction = await redis.hash(`tx:EV-1:${transactionId}`)
  assert.deepEqual([transaction.meterStartWh, transaction.energyWh], ['1000', '1234'])
  assert.deepEqual(station.violations, [])
  await station.close()
})
