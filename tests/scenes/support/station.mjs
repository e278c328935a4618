// station.mjs - stations: npm `ocpp-rpc`, which nobody here wrote and which checks every frame of both sides
// against the official schemas (strict mode), and a raw WebSocket for what no sane client sends.
import { RPCClient } from 'ocpp-rpc'
import WebSocket from 'ws'
import { until } from './redis.mjs'

export const now = () => new Date().toISOString()

/** A connected station; `violations` collects what broke a schema, `asked` our calls to it. */
export async function connectStation(gateway, identity, password, options = {}) {
  const station = new RPCClient({ endpoint: gateway.endpoint, identity, password, protocols: ['ocpp1.6'],
    strictMode: true, reconnect: false, callTimeoutMs: 15000, ...options })
  station.violations = []
  station.asked = []
  station.answers = {}
  station.on('strictValidationFailure', (event) => station.violations.push(event))
  station.on('badMessage', (event) => station.violations.push(event))
  station.handle(({ method, params }) => {
    station.asked.push({ method, params })
    const answer = station.answers[method]
    return typeof answer === 'function' ? answer(params) : answer ?? { status: 'Accepted' }
  })
  await station.connect()
  return station
}

export const boot = (station, about = {}) => station.call('BootNotification',
  { chargePointVendor: 'ACME', chargePointModel: 'One', firmwareVersion: '1.0', ...about })

export const status = (station, connectorId, word, more = {}) => station.call('StatusNotification',
  { connectorId, status: word, errorCode: 'NoError', timestamp: now(), ...more })

/** A bare WebSocket: `frames` are the messages that came, `closed` {code, reason}, `refused` {status, headers, body}. */
export function rawStation(gateway, path, password, options = {}) {
  const user = options.user ?? decodeURIComponent(path)
  const headers = password === undefined ? {} : { Authorization: 'Basic ' + Buffer.concat([Buffer.from(`${user}:`), Buffer.from(password)]).toString('base64') }
  const ws = new WebSocket(`${options.endpoint ?? gateway.endpoint}/${path}`, options.protocols ?? ['ocpp1.6'],
    { headers, rejectUnauthorized: false, autoPong: options.autoPong ?? true })
  const station = { ws, frames: [], closed: null, refused: null, open: false }
  ws.on('open', () => { station.open = true })
  ws.on('message', (data) => station.frames.push(JSON.parse(data.toString())))
  ws.on('close', (code, reason) => { station.closed = { code, reason: reason.toString() } })
  ws.on('error', () => {})
  ws.on('unexpected-response', (_, response) => {
    let body = ''
    response.on('data', (piece) => { body += piece })
    response.on('end', () => { station.refused = { status: response.statusCode, headers: response.headers, body } })
  })
  station.settled = () => until('the handshake to end', () => station.open || station.refused || station.closed, 20000)
  station.send = (value) => ws.send(typeof value === 'string' ? value : JSON.stringify(value))
  station.reply = (id) => until(`an answer to ${id}`, () => station.frames.find((frame) => frame[1] === id))
  return station
}
