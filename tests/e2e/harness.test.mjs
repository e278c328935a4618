// harness.test.mjs - The watch over every page can fail: each kind of fault is made once and must be seen.
// And the table of routes is that of the router, so that no page is without its tests.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { demo, NOT_SIGNED_IN, openPage, OUTSIDE, ROUTES, routerPaths, startBrowser, until } from './support.mjs';

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser.close());

const FAULTS = {
  'console: a word': (page) => page.evaluate(() => console.error('a word')),
  'console: a warning': (page) => page.evaluate(() => console.warn('a warning')),
  'page error: Error: thrown': (page) => page.evaluate(() => void setTimeout(() => { throw new Error('thrown'); })),
  'rejection: Error: nobody listens': (page) => page.evaluate(() => void Promise.reject(new Error('nobody listens'))),
  'content policy: style-src': (page) =>
    page.evaluate(() => {
      const style = document.createElement('style');
      style.textContent = 'body { color: red }';
      document.head.append(style);
    }),
  'content policy: script-src': (page) =>
    page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'window.kwInline = true';
      document.head.append(script);
    }),
  'content policy: connect-src': (page) => page.evaluate(() => fetch('https://elsewhere.invalid/').catch(() => {})),
  'answer: 404': (page) => page.evaluate(() => fetch('/api/v1/nothing-here').then(() => {})),
  'origin: https://localhost': (page) => page.goto(`${demo().url.replace('127.0.0.1', 'localhost')}/favicon.svg`),
  'request: ': async (page) => {
    await page.route('**/favicon.svg', (route) => route.abort('connectionrefused'));
    await page.evaluate(() => fetch('/favicon.svg').catch(() => {}));
  },
};

test('each kind of fault is seen', async () => {
  const view = await openPage(browser, { url: demo().url });
  view.expect(NOT_SIGNED_IN);
  await view.page.goto('/login');
  await view.page.locator('h1').first().waitFor({ state: 'attached' });
  for (const [fault, make] of Object.entries(FAULTS)) {
    view.check();
    await make(view.page);
    await until(fault, () => view.faults.some((told) => told.startsWith(fault)), 5).catch((error) => {
      throw new Error(`${error.message}; seen: ${JSON.stringify(view.faults)}`);
    });
    assert.throws(() => view.check());
    await view.page.waitForTimeout(100); // its echoes, such as the console's word about it
    view.faults.length = 0;
  }
  await view.close();
});

test('a fault in a second tab is seen, one that is expected is not', async () => {
  const view = await openPage(browser, { url: demo().url });
  view.expect(NOT_SIGNED_IN, /a known word/u);
  const tab = await view.context.newPage();
  await tab.goto('/login');
  await tab.evaluate(() => console.error('a known word'));
  await tab.evaluate(() => console.error('an unknown word'));
  await until('the second word', () => view.faults.length > 0, 5);
  assert.equal(view.faults.length, 1);
  assert.match(view.faults[0], /an unknown word/u);
  await view.close();
});

test('every address of the router is in the table of routes, and the other way round', () => {
  const real = routerPaths();
  assert.ok(real.length >= 4, `only ${real.length} addresses found: does the router still say path: '...'?`);
  assert.deepEqual([...ROUTES.map(({ path }) => path), ...OUTSIDE].toSorted(), real.toSorted());
});
