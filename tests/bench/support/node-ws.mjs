// node-ws.mjs - The peer: npm `ws` as its documentation shows a broadcast. usage: node-ws.mjs [CERT KEY]
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { WebSocket, WebSocketServer } from 'ws'

const [cert, key] = process.argv.slice(2)
const server = cert
  ? createSecureServer({ cert: readFileSync(cert), key: readFileSync(key) })
  : createServer()
const wss = new WebSocketServer({ server, perMessageDeflate: false })
wss.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => {
    for (const client of wss.clients) {
      if (client !== socket && client.readyState === WebSocket.OPEN) client.send(data, { binary: isBinary })
    }
  })
})
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
