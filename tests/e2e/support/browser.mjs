// browser.mjs - Chromium for the tests of the page, and what every page is held to: no console error, no
// page error, no unhandled rejection, no violation of the content policy, no failed request, nothing from
// elsewhere. A test names what it expects to fail. harness.test.mjs shows that each of these can fail.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

const require = createRequire(new URL('../../../web/package.json', import.meta.url));
const { chromium } = require('playwright-core');
const { AxeBuilder } = require('@axe-core/playwright');

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Sizes that the tests look at; a phone has fingers. */
export const SIZES = {
  desk: { width: 1280, height: 800 },
  wide: { width: 1920, height: 1080 },
  phone: { width: 360, height: 740, isMobile: true, hasTouch: true },
};

/** One browser for a file of tests; its folder goes with it. */
export async function startBrowser(args = []) {
  const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((path) => existsSync(path));
  assert.ok(executablePath, 'no Debian chromium is installed');
  const browser = await chromium.launch({ executablePath, args: [...FLAGS, ...args], headless: true });
  const close = browser.close.bind(browser);
  browser.close = () => Promise.race([close().catch(() => {}), sleep(5000)]); // one that crashed never answers
  return browser;
}

/** Runs in the page before its own scripts: what the browser tells only to listeners. */
function tell() {
  document.addEventListener('securitypolicyviolation', (event) => {
    window.kwFault('content policy', `${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
  });
  window.addEventListener('unhandledrejection', (event) => {
    window.kwFault('rejection', String(event.reason?.stack ?? event.reason));
  });
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
  const faults = [];
  const expected = [];
  const note = (kind, text) => {
    if (!expected.some((pattern) => pattern.test(text))) faults.push(`${kind}: ${text}`);
  };
  await context.exposeBinding('kwFault', (_source, kind, text) => note(kind, text));
  await context.addInitScript(tell);
  // Every tab of the profile is watched, also those that a test opens later.
  context.on('page', (page) => {
    page.on('pageerror', (error) => note('page error', String(error.stack ?? error)));
    page.on('crash', () => note('crash', page.url()));
    page.on('websocket', (socket) => {
      if (new URL(socket.url()).host !== new URL(url).host) note('origin', socket.url());
    });
  });
  context.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') note('console', `${message.text()} ${message.location().url}`);
  });
  context.on('request', (request) => {
    if (!/^(data|blob|about):/u.test(request.url()) && new URL(request.url()).origin !== new URL(url).origin) note('origin', request.url());
  });
  context.on('requestfailed', (request) => {
    if (request.failure()?.errorText !== 'net::ERR_ABORTED') note('request', `${request.url()} ${request.failure()?.errorText}`);
  });
  context.on('response', (response) => {
    if (response.status() >= 400) note('answer', `${response.status()} ${response.url()}`);
  });
  return {
    page: await context.newPage(),
    context,
    faults,
    url,
    /** Faults that this test makes on purpose. */
    expect: (...patterns) => expected.push(...patterns),
    check: () => assert.deepEqual(faults, []),
    close: () => context.close(),
  };
}

/** Before the sign-in the page asks who is there and hears 401: that is an answer, not a fault. */
export const NOT_SIGNED_IN = /401.*\/api\/v1\/session$/u;

/** Through the form, as a person does. */
export async function signIn(view, { email, password }) {
  view.expect(NOT_SIGNED_IN);
  await view.page.goto('/');
  await view.page.locator('input[name=email]').fill(email);
  await view.page.locator('input[name=password]').fill(password);
  await view.page.locator('button[type=submit]').click();
  await view.page.getByTestId('link').waitFor();
}

/** Without the form: the cookie of a session, once for each account in a file of tests. */
const sessions = new Map();
export async function withSession(view, { email, password }) {
  const key = `${view.url} ${email}`;
  if (!sessions.has(key)) {
    const answer = await view.context.request.post('/api/v1/session', { data: { email, password }, headers: { Origin: view.url } });
    assert.equal(answer.status(), 200, await answer.text());
    sessions.set(key, await view.context.cookies());
  }
  await view.context.addCookies(sessions.get(key));
}

/** The link is up and values are on the page. */
export async function isLive(page, seconds = 15) {
  await page.locator('[data-testid=link][data-link=live]').first().waitFor({ state: 'attached', timeout: seconds * 1000 });
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

export async function until(what, ask, seconds = 10) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`not in ${seconds} s: ${what}`);
    await sleep(100);
  }
}
