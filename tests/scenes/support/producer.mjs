// producer.mjs - writes the complex contract as a gateway does, without stations: entries with their
// numbers, hashes with their guards, the sign of life. For scenes that need exact control over the feed.

export class Producer {
  /** `redis`: a RedisClient. */
  static async start(redis, epoch = `epoch-${Math.random().toString(36).slice(2)}`) {
    const producer = new Producer()
    producer.redis = redis
    producer.prefix = 'kw:1:'
    await redis.call('HSET', 'kw:1:meta', 'contract', 'kw', 'major', '1', 'minor', '0', 'producer', 'scene',
      'version', '1', 'epoch', epoch, 'startedTs', Date.now(), 'aliveTs', Date.now())
    producer.alive = setInterval(() => producer.sign(), 1000)
    return producer
  }

  sign() {
    return this.redis.call('HSET', 'kw:1:meta', 'aliveTs', Date.now()).catch(() => {})
  }

  stop() {
    clearInterval(this.alive)
  }

  /** One entry; `fields` beside n, v, type, ts, rts; `d` an object or raw text. Returns its n. */
  async entry(type, fields = {}, d = {}) {
    const stream = type === 'meter.values' || type === 'node.meter' ? 'mv' : 'ev'
    const n = await this.redis.call('INCR', `kw:1:n:${stream}`)
    const now = Date.now()
    const all = { v: 1, n, type, ts: now, rts: now, src: 'scene', ...fields,
      d: typeof d === 'string' ? d : JSON.stringify(d) }
    await this.redis.call('XADD', `kw:1:${stream}`, '*', ...Object.entries(all).flat())
    return n
  }

  async connect(cs, conGen = 1) {
    const now = Date.now()
    await this.redis.call('SADD', 'kw:1:stations', cs)
    await this.redis.call('HSET', `kw:1:station:${cs}`, 'connected', 1, 'connectedTs', now, 'conGen', conGen)
    await this.entry('station.connected', { cs }, { conGen })
  }

  async status(cs, evse, status, state, errorCode = 'NoError') {
    const now = Date.now()
    await this.redis.call('HSET', `kw:1:conn:${cs}:${evse}:1`, 'status', status, 'state', state, 'errorCode', errorCode,
      'statusTs', now)
    await this.entry('connector.status', { cs, evse, con: 1, ts: now }, { status, state, errorCode })
  }

  async txStart(cs, evse, tx, idToken, meterStartWh) {
    const now = Date.now()
    await this.redis.call('HSET', `kw:1:tx:${cs}:${tx}`, 'evseId', evse, 'connectorId', 1, 'idToken', idToken,
      'startTs', now, 'meterStartWh', meterStartWh, 'lastTs', now)
    await this.redis.call('ZADD', 'kw:1:tx:active', now, `${cs}|${tx}`)
    await this.redis.call('HSET', `kw:1:conn:${cs}:${evse}:1`, 'txId', tx, 'idToken', idToken)
    await this.entry('tx.started', { cs, evse, con: 1, tx, ts: now }, { idToken, meterStartWh, authStatus: 'Accepted' })
  }

  async meter(cs, evse, tx, { powerW, energyWh, currentA }) {
    const now = Date.now()
    const s = [
      { m: 'Energy.Active.Import.Register', v: energyWh, u: 'Wh' },
      { m: 'Power.Active.Import', v: powerW, u: 'W' },
      ...['L1', 'L2', 'L3'].map((p) => ({ m: 'Current.Import', v: currentA, p, u: 'A' })),
    ]
    await this.redis.call('HSET', `kw:1:conn:${cs}:${evse}:1`, 'powerW', powerW, 'energyWh', energyWh, 'currentL1', currentA,
      'currentL2', currentA, 'currentL3', currentA, 'meterTs', now)
    await this.entry('meter.values', { cs, evse, con: 1, tx, ts: now }, { ctx: 'Sample.Periodic', s })
  }

  async txEnd(cs, evse, tx, idToken, meterStopWh, energyWh) {
    const now = Date.now()
    await this.redis.call('HSET', `kw:1:tx:${cs}:${tx}`, 'endTs', now, 'meterStopWh', meterStopWh, 'lastTs', now)
    await this.redis.call('ZREM', 'kw:1:tx:active', `${cs}|${tx}`)
    await this.redis.call('HDEL', `kw:1:conn:${cs}:${evse}:1`, 'txId', 'idToken')
    await this.entry('tx.ended', { cs, evse, con: 1, tx, ts: now },
      { idToken, meterStopWh, energyWh, stoppedReason: 'EVDisconnected', quality: 'ok' })
  }
}
