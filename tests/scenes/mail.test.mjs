// mail.test.mjs - mail and requests of a Lua program against servers that are not ours: TLS is verified, STARTTLS
// is demanded, what is refused is told with its words, and no address can smuggle a command.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { SMTPServer } from 'smtp-server'
import { program } from './support/service.mjs'

let folder, tls
const servers = []
let inbox = []

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'kw-mail-'))
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', join(folder, 'key.pem'),
    '-out', join(folder, 'cert.pem')], { stdio: 'pipe' })
  tls = { key: readFileSync(join(folder, 'key.pem')), cert: readFileSync(join(folder, 'cert.pem')) }
})
after(async () => {
  for (const server of servers) await new Promise((resolve) => server.close(resolve))
  rmSync(folder, { recursive: true, force: true })
})

async function smtp(options) {
  const server = new SMTPServer({
    ...tls,
    onAuth: (auth, session, done) => auth.username === 'kw' && auth.password === 'secret'
      ? done(null, { user: 'kw' }) : done(new Error('who are you')),
    onRcptTo: (address, session, done) => address.address.startsWith('nobody@')
      ? done(Object.assign(new Error('no such mailbox'), { responseCode: 550 })) : done(),
    onData: (stream, session, done) => {
      let text = ''
      stream.on('data', (piece) => (text += piece))
      stream.on('end', () => {
        inbox.push({ text, secure: session.secure, user: session.user,
          from: session.envelope.mailFrom.address, to: session.envelope.rcptTo.map((one) => one.address) })
        done()
      })
    },
    ...options,
  })
  server.on('error', () => {}) // a client that does not trust us hangs up: that is the test
  servers.push(server)
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server.server.address().port
}

/** Runs Lua text as a program; what it prints, as JSON. */
async function lua(text) {
  writeFileSync(join(folder, 'program.lua'), text)
  const child = spawn(program, ['run', join(folder, 'program.lua')], { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = '', err = ''
  child.stdout.on('data', (piece) => (out += piece))
  child.stderr.on('data', (piece) => (err += piece))
  const code = await new Promise((resolve) => child.once('close', resolve))
  assert.equal(code, 0, err)
  return JSON.parse(out)
}

const send = (fields) => lua(`
local ok, slug, words = require("kw.http").mail {
  from = "kilowatch@example.org", to = "a@example.org", timeout_s = 10,
  message = "From: kilowatch@example.org\\r\\nSubject: test\\r\\n\\r\\n.dot first\\r\\nlast line\\r\\n",
  ${fields} }
print(require("kw.json").encode { ok = ok == true, slug = slug, words = words })`)

const trust = () => `ca_file = "${folder}/cert.pem"`

test('smtps with a password: the message arrives whole, dots and all', async () => {
  const port = await smtp({ secure: true })
  inbox = []
  const answer = await send(`url = "smtps://localhost:${port}", user = "kw", password = "secret", ${trust()}`)
  assert.deepEqual(answer, { ok: true })
  assert.equal(inbox.length, 1)
  assert.deepEqual(inbox[0].to, ['a@example.org'])
  assert.equal(inbox[0].from, 'kilowatch@example.org')
  assert.equal(inbox[0].user, 'kw')
  assert.match(inbox[0].text, /\r\n\r\n\.dot first\r\nlast line\r\n$/)
})

test('a certificate that nobody vouches for: nothing is sent', async () => {
  const port = await smtp({ secure: true, authOptional: true })
  inbox = []
  const answer = await send(`url = "smtps://localhost:${port}"`)
  assert.equal(answer.ok, false)
  assert.equal(answer.slug, 'tls')
  assert.equal(inbox.length, 0)
})

test('a certificate of another name: nothing is sent', async () => {
  const port = await smtp({ secure: true, authOptional: true })
  inbox = []
  const answer = await send(`url = "smtps://127.0.0.1:${port}", ${trust()}`)
  assert.equal(answer.ok, false)
  assert.equal(inbox.length, 0)
})

test('smtp: STARTTLS is taken, and demanded where it is not offered', async () => {
  const offered = await smtp({ authOptional: true })
  inbox = []
  assert.deepEqual(await send(`url = "smtp://localhost:${offered}", ${trust()}`), { ok: true })
  assert.equal(inbox[0].secure, true)
  const plain = await smtp({ authOptional: true, disabledCommands: ['STARTTLS'] })
  inbox = []
  assert.equal((await send(`url = "smtp://localhost:${plain}", ${trust()}`)).ok, false)
  assert.equal(inbox.length, 0)
  assert.deepEqual(await send(`url = "smtp://localhost:${plain}", plain_ok = true`), { ok: true })
  assert.equal(inbox[0].secure, false)
})

test('a wrong password, a refused mailbox, a smuggled line, a server that is not there: each with its slug', async () => {
  const port = await smtp({ secure: true })
  inbox = []
  const url = `url = "smtps://localhost:${port}", ${trust()}`
  const wrong = await send(`${url}, user = "kw", password = "guess"`)
  assert.equal(wrong.ok, false)
  assert.ok(wrong.words.length > 5, wrong.words)
  const refused = await send(`${url}, user = "kw", password = "secret", to = "nobody@example.org"`)
  assert.equal(refused.ok, false)
  const smuggled = await send(`${url}, user = "kw", password = "secret", to = "a@example.org>\\r\\nRCPT TO:<c@example.org"`)
  assert.deepEqual([smuggled.ok, smuggled.slug], [false, 'invalid'])
  const absent = await send('url = "smtp://localhost:1", plain_ok = true')
  assert.deepEqual([absent.ok, absent.slug], [false, 'refused'])
  assert.equal(inbox.length, 0)
})

test('kw.http against another server: verified, bounded, no redirect is followed', async () => {
  const server = createServer(tls, (request, response) => {
    if (request.url === '/moved') response.writeHead(302, { Location: '/json' }).end()
    else if (request.url === '/big') response.end('x'.repeat(3_000_000))
    else if (request.url === '/slow') setTimeout(() => response.end('late'), 5000)
    else response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"answer":42}')
  })
  servers.push(server)
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `https://localhost:${server.address().port}`
  const ask = (path, more = trust()) => lua(`
    local reply, slug, words = require("kw.http").request { url = "${url}${path}", timeout_s = 1, ${more} }
    print(require("kw.json").encode { status = reply and reply.status, json = reply and reply.json, slug = slug, words = words })`)
  assert.deepEqual(await ask('/json'), { status: 200, json: { answer: 42 } })
  assert.equal((await ask('/json', '')).slug, 'tls')
  assert.equal((await ask('/moved')).status, 302)
  assert.equal((await ask('/big')).slug, 'too-big')
  assert.equal((await ask('/slow')).slug, 'timeout')
  server.closeAllConnections()
})
