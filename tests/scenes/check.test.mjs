// check.test.mjs - `kilowatch check`: good and broken configuration and scripts, one line a problem with its
// place, and the exit status that says so.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { program } from './support/service.mjs'

let folder, config

const write = (name, text) => {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), text)
}

function check(...args) {
  const { status, stdout, stderr } = spawnSync(program, ['check', ...args], { encoding: 'utf8' })
  return { status, stderr, lines: stdout.trim().split('\n') }
}

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'kw-check-'))
  config = join(folder, 'conf.lua')
  write('conf.lua', `return { site_dir = "${folder}/site" }\n`)
})
after(() => rmSync(folder, { recursive: true, force: true }))

test('no site: the configuration alone', () => {
  const { status, lines } = check()
  assert.equal(status, 0)
  assert.deepEqual(lines, ['configuration: good'])
})

test('a wrong configuration: what, where, the rule; status 2', () => {
  write('bad.lua', 'return { listen_port = 99999999 }\n')
  const range = check('--config', join(folder, 'bad.lua'))
  assert.equal(range.status, 2)
  assert.match(range.lines[0], /bad\.lua.*listen_port.*0\.\.65535/)
  write('bad.lua', 'return {\n  site_dir = = 1\n}\n')
  const syntax = check('--config', join(folder, 'bad.lua'))
  assert.equal(syntax.status, 2)
  assert.match(syntax.lines[0], /bad\.lua:2:/)
  assert.equal(check('--config').status, 2)
  assert.equal(check('--config', join(folder, 'none.lua')).status, 2)
})

test('a folder that is not there is a problem', () => {
  const { status, lines } = check('--config', config)
  assert.equal(status, 1)
  assert.match(lines[1], /site_dir .*site: No such file/)
})

test('a good site with a test that passes: status 0', () => {
  write('site/lib/money.lua', '--% api: 1\nlocal M = {}\nfunction M.round(x) return math.floor(x + 0.5) end\nreturn M\n')
  write('site/policies/permissions.lua', `--% api: 1
local P = {}
P.roles = { guard = { title = kw.t("Сторож", "Guard"), grants = { "stations.control" } } }
function P.grants(account, complex) return account.grants end
return P
`)
  write('site/policies/balancing/night.lua', `--% api: 1
local P = {}
P.options = { reserve_a = { type = "number", min = 0, max = 400, default = 0, title = kw.t("Резерв", "Reserve") } }
return P
`)
  write('site/tests/money_test.lua', `--% api: 1
local money = require "money"
local permissions = require "policies/permissions"
return {
  ["halves go up"] = function() assert(money.round(1.5) == 2) end,
  ["the guard controls"] = function() assert(permissions.roles.guard.grants[1] == "stations.control") end,
}
`)
  const { status, lines, stderr } = check('--config', config)
  assert.equal(status, 0, lines.join('\n') + stderr)
  assert.deepEqual(lines, ['configuration: good', '4 files, 2 tests, 0 problems'])
})

test('each fault is told once, with its line and what to do; status 1', () => {
  write('site/policies/alerts.lua', '--% api: 1\nlocal M = {}\nfunction M.f(e)\n  count = e.x\n  print(e)\nend\nreturn M\n')
  write('site/policies/transactions.lua', '--% api: 1\nreturn { = }\n')
  write('site/policies/permissions.lua', `--% api: 1
local P = {}
P.roles = { guard = { title = kw.t("Сторож", "Guard"),
  grants = { "stations.contrl" }, extends = "nobody" } }
return P
`)
  write('site/policies/balancing/night.lua', `--% api: 1
return { options = {
  reserve_a = { type = "number", min = 0, max = 400, default = 900, title = "Reserve" },
} }
`)
  write('site/reports/slow.lua', '--% api: 1\nwhile true do end\n')
  write('site/ocpp/quirks.lua', '--% api: 9\nreturn {}\n')
  write('site/adapters/old.lua', 'return {}\n')
  write('site/tests/money_test.lua', '--% api: 1\nreturn { fails = function()\n  assert(1 == 2, "sums differ")\nend }\n')
  const { status, lines } = check('--config', config)
  const told = lines.map((line) => line.replaceAll(folder + '/site/', '')).join('\n')
  assert.equal(status, 1, told)
  for (const expected of [
    /^policies\/alerts\.lua:4: sets the global 'count' after load, which is refused; write local$/m,
    /^policies\/alerts\.lua:5: unknown global 'print'; use kw\.log\.info$/m,
    /^policies\/transactions\.lua:2: unexpected symbol .*; the file is not used until this is mended$/m,
    /^policies\/permissions\.lua:4: role 'guard' grants the unknown right 'stations\.contrl'; there are: .*stations\.control/m,
    /^policies\/permissions\.lua:3: role 'guard' extends 'nobody', which is no role of this file$/m,
    /^policies\/balancing\/night\.lua:3: option 'reserve_a' has a default outside of min\.\.max$/m,
    /^reports\/slow\.lua:2: the script used more CPU time than its limit/m,
    /^ocpp\/quirks\.lua:1: needs api 9, but this program speaks api 1/m,
    /^warning: adapters\/old\.lua:1: the first line does not name the API version/m,
    /^tests\/money_test\.lua:3: sums differ; test 'fails' of tests\/money_test\.lua fails$/m,
    /^\d+ files, 1 tests, 9 problems$/m,
  ]) assert.match(told, expected)
})
