// support.mjs - Chromium for the tests of the page, and what every test holds it to: no console error, no
// page error, no violation of the content policy, no failed request. A test names what it expects to fail.
import assert from 'node:assert/strict';
import { spawn, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const require = createRequire(new URL('../../web/package.json', import.meta.url));
const { chromium } = require('playwright-core');
const { AxeBuilder } = require('@axe-core/playwright');

const ROOT = new URL('../..', import.meta.url).pathname;

export const demo = () => JSON.parse(readFileSync(process.env.KW_DEMO, 'utf8'));

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** One browser for a file of tests; its folder goes with it. */
export async function startBrowser() {
  const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((path) => existsSync(path));
  assert.ok(executablePath, 'no Debian chromium is installed');
  const browser = await chromium.launch({ executablePath, args: FLAGS, headless: true });
  const close = browser.close.bind(browser);
  browser.close = () => Promise.race([close().catch(() => {}), sleep(5000)]); // one that crashed never answers
  return browser;
}

/** A page of its own profile. `faults` fills with all that went wrong; `check` fails the test with it. */
export async function openPage(browser, { url, locale = 'en', theme = 'light', width = 1280, height = 800, ...rest }) {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true, // the service signs its own certificate
    viewport: { width, height },
    locale: locale === 'ru' ? 'ru-RU' : 'en-GB',
    colorScheme: theme,
    timezoneId: 'Europe/Berlin', // not the complex's: times must be the complex's all the same
    baseURL: url,
    ...rest,
  });
  const page = await context.newPage();
  const faults = [];
  const expected = [];
  const note = (kind, text) => {
    if (!expected.some((pattern) => pattern.test(text))) faults.push(`${kind}: ${text}`);
  };
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') {
      note('console', `${message.text()} ${message.location().url}`);
    }
  });
  page.on('pageerror', (error) => note('page error', String(error.stack ?? error)));
  page.on('requestfailed', (request) => {
    if (request.failure()?.errorText !== 'net::ERR_ABORTED') note('request', `${request.url()} ${request.failure()?.errorText}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) note('answer', `${response.status()} ${response.url()}`);
    if (!response.url().startsWith(url)) note('origin', response.url());
  });
  await page.exposeBinding('kwViolation', (_source, text) => note('content policy', text));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      window.kwViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
    });
  });
  return {
    page,
    context,
    /** Faults that this test makes on purpose. */
    expect: (...patterns) => expected.push(...patterns),
    check: () => assert.deepEqual(faults, []),
    close: () => context.close(),
  };
}

/** Before the sign-in the page asks who is there and hears 401: that is an answer, not a fault. */
export const NOT_SIGNED_IN = /401.*\/api\/v1\/session$/u;

export async function signIn(view, { email, password } = demo()) {
  view.expect(NOT_SIGNED_IN);
  await view.page.goto('/');
  await view.page.locator('input[name=email]').fill(email);
  await view.page.locator('input[name=password]').fill(password);
  await view.page.locator('button[type=submit]').click();
  await view.page.getByTestId('link').waitFor();
}

/** The link is up and values are on the page. */
export async function isLive(page) {
  await page.locator('[data-testid=link][data-link=live]').waitFor({ timeout: 15_000 });
}

/** A menu hangs outside of every landmark: `without` names rules that a moment cannot hold. */
export async function axe(page, where, without = []) {
  await page.locator('h1').first().waitFor({ state: 'attached' }); // the address changes before its code is there
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .disableRules(without)
    .analyze();
  const told = violations.map(({ id, nodes }) => `${where}: ${id} ${nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`);
  assert.deepEqual(told, []);
}

/** GET or POST with the demo's token, as a program does. */
export async function rest(path, options = {}) {
  const { url, token, ca_file: ca } = demo();
  const out = execFileSync('curl', ['-sS', '--fail-with-body', '--cacert', ca, '-H', `Authorization: Bearer ${token}`, ...(options.args ?? []), `${url}${path}`]);
  return out.length === 0 ? null : JSON.parse(out);
}

export async function until(what, ask, seconds = 10) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`not in ${seconds} s: ${what}`);
    await sleep(100);
  }
}

/** A service of the test's own, with nothing in it yet: for the first start, and to be killed. */
export async function startService() {
  const data = mkdtempSync(join(tmpdir(), 'kw-e2e-'));
  const bin = process.env.KW_BIN ?? join(ROOT, 'build/release/kilowatch');
  const socket = join(data, 'redis.sock');
  const redis = spawn('redis-server', ['--port', '0', '--unixsocket', socket, '--dir', data, '--save', ''], { stdio: 'ignore' });
  const config = join(data, 'config.lua');
  writeFileSync(
    config,
    `return { data_dir = "${data}/core", redis_url = "unix://${socket}", complex_name = "Северный парк",
  zone = "Europe/Moscow", listen_host = "127.0.0.1", listen_port = 0, contact = "Соколова Е. В., доб. 214" }\n`,
  );
  await until('redis', () => existsSync(socket));
  let service;
  let port = 0;
  const start = async () => {
    rmSync(join(data, 'core/ports.json'), { force: true });
    service = spawn(bin, ['serve', '--config', config], {
      env: { ...process.env, KW_WEB_DIR: join(ROOT, 'web/dist'), ...(port > 0 ? { KW_LISTEN_PORT: String(port) } : {}) },
      stdio: 'ignore',
    });
    const ports = await until('the service', () => existsSync(join(data, 'core/ports.json')) && readFileSync(join(data, 'core/ports.json'), 'utf8'), 30);
    port = JSON.parse(ports).https;
  };
  await start();
  const end = (child, signal) =>
    new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve();
      child.once('exit', resolve);
      child.kill(signal);
    });
  return {
    url: `https://127.0.0.1:${port}`,
    /** Words for redis-cli: the test plays the stations' side of docs/complex-contract.md. */
    redis: (...words) => execFileSync('redis-cli', ['-s', socket, ...words], { encoding: 'utf8' }),
    setupCode: () => readFileSync(join(data, 'core/setup-code'), 'utf8').trim(),
    kill: () => end(service, 'SIGKILL'),
    restart: start,
    pause: () => service.kill('SIGSTOP'),
    goOn: () => service.kill('SIGCONT'),
    async stop() {
      service.kill('SIGCONT'); // a test that failed may have left it frozen, and then TERM waits for ever
      await end(service, 'SIGTERM');
      await end(redis, 'SIGTERM');
      rmSync(data, { recursive: true, force: true });
    },
  };
}
