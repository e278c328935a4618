// api-mail.test.mjs - an invitation goes by e-mail where a server is configured, and is shown where it fails.
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { RedisServer } from './support/redis.mjs'
import { Service } from './support/service.mjs'

let redis, service, server
const mails = []
let refuse = false

/** As much of a mail server as one mail needs. */
function smtp(socket) {
  let text = ''
  let mail = null
  socket.on('error', () => {})
  socket.write('220 test\r\n')
  socket.on('data', (piece) => {
    text += piece
    for (let at; (at = text.indexOf('\r\n')) >= 0;) {
      const line = text.slice(0, at)
      text = text.slice(at + 2)
      if (mail?.data !== undefined) {
        if (line === '.') {
          mails.push(mail)
          mail = null
          socket.write('250 taken\r\n')
        } else mail.data += `${line}\n`
      } else if (/^EHLO|^HELO/.test(line)) socket.write('250 test\r\n')
      else if (line.startsWith('MAIL FROM:')) {
        mail = { from: line.slice(10) }
        socket.write('250 ok\r\n')
      } else if (line.startsWith('RCPT TO:')) {
        mail.to = line.slice(8)
        socket.write(refuse ? '550 no such person\r\n' : '250 ok\r\n')
      } else if (line === 'DATA') {
        mail.data = ''
        socket.write('354 go on\r\n')
      } else if (line === 'QUIT') socket.end('221 bye\r\n')
      else socket.write('250 ok\r\n')
    }
  })
}

before(async () => {
  server = createServer(smtp)
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  redis = await RedisServer.start()
  service = await Service.start(redis.url, { check_answers: 1, complex_name: 'Депо № 7',
    smtp_url: `smtp://127.0.0.1:${server.address().port}`, smtp_from: 'Kilowatch <kw@example.org>' })
  await service.prepare([])
})

after(async () => {
  await service?.stop()
  await redis?.stop()
  server?.close()
})

const account = (email) => service.expect(201, 'POST', '/api/v1/accounts', { email, name: 'Анна', role_ids: ['viewer'] })

describe('mail', { concurrency: false }, () => {
  test('the link is in the mail, and not in the answer', async () => {
    const { id } = await account('anna@example.org')
    const answer = await service.expect(200, 'POST', `/api/v1/accounts/${id}/invite`)
    assert.deepEqual([answer.sent, answer.link], [true, null])
    const [mail] = mails
    assert.match(mail.from, /^<kw@example\.org>/)
    assert.match(mail.to, /^<anna@example\.org>/)
    const [head, body] = mail.data.split('\n\n')
    assert.match(head, /^Subject: =\?UTF-8\?B\?/m)
    assert.match(head, /^Date: \w{3}, \d{2} \w{3} \d{4} /m)
    assert.ok(head.split('\n').every((line) => line.length <= 78 && /^[\x20-\x7e]*$/.test(line)))
    const text = Buffer.from(body, 'base64').toString('utf8')
    assert.match(text, /Анна/)
    assert.match(text, /Депо № 7/)
    const token = /#token=([0-9a-f]{64})/.exec(text)[1]
    assert.ok(!service.log.includes(token))
    const signed = await service.fetch('POST', '/api/v1/session/set-password',
      { body: { token, password: 'words that nobody knows' }, headers: { Authorization: '' } })
    assert.equal(signed.status, 200, signed.text)
  })

  test('a mail that is not taken: the link is shown', async () => {
    refuse = true
    const { id } = await account('boris@example.org')
    const answer = await service.expect(200, 'POST', `/api/v1/accounts/${id}/invite`)
    assert.equal(answer.sent, false)
    assert.match(answer.link, /#token=[0-9a-f]{64}$/)
    assert.match(service.log, /invitation not mailed/)
    assert.equal(mails.length, 1)
  })
})
