// node-http.mjs - A peer for orientation: Node's own server with the same status object.
import { createServer } from 'node:http'

const server = createServer((request, response) => {
  const body = JSON.stringify({
    id: 'EV-0001', name: 'North gate, row 12 A', online: true, state: 'charging', power_w: 10987,
    current_ma: [15900, 16000, 15800], limit_ma: 32000, energy_wh: 18250, error_code: 'NoError',
    started_ms: 1700000000000,
  })
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) })
  response.end(body)
})
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
