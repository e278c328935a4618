// budget.test.mjs - What a first visit really loads, as the browser asks for it: lazy parts that a page fetches by
// itself count, whatever the bundler calls them. web/scripts/size.mjs holds the same budgets at the build.
import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { openDemo, ROUTES, startBrowser } from './support.mjs';

const DIST = new URL('../../web/dist', import.meta.url).pathname;
const KB = 1024;
const BUDGET = { first: 200 * KB, other: 60 * KB, css: 20 * KB, fonts: 70 * KB };

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser.close());

const gzipBytes = (path) => statSync(existsSync(`${DIST}${path}.gz`) ? `${DIST}${path}.gz` : `${DIST}${path}`).size;
const sum = (paths) => paths.reduce((total, path) => total + gzipBytes(path), 0);

/** Paths of our own files that a first visit to an address asks for, until it is quiet. */
async function visit({ open, filled }) {
  const view = await openDemo(browser, null, { locale: 'ru' });
  const asked = new Set();
  const others = [];
  view.page.on('request', (request) => {
    const { pathname, origin } = new URL(request.url());
    if (origin !== new URL(view.url).origin) others.push(request.url());
    else if (/\.(js|css|woff2)$/u.test(pathname)) asked.add(pathname);
  });
  await view.page.goto(open);
  await view.page.locator(filled).first().waitFor({ state: 'attached' });
  await view.page.waitForTimeout(800);
  assert.deepEqual(others, []);
  view.check();
  await view.close();
  return [...asked];
}

test('first visits stay within the budgets', async (t) => {
  const of = (paths, pattern) => paths.filter((path) => pattern.test(path));
  const first = await visit(ROUTES[0]);
  const told = (what, bytes, budget) => {
    t.diagnostic(`${(bytes / KB).toFixed(1)} of ${budget / KB} KB  ${what}`);
    assert.ok(bytes <= budget, `${what}: ${(bytes / KB).toFixed(1)} KB of ${budget / KB}`);
  };
  assert.ok(of(first, /\.js$/u).length > 2, `too few files: ${first}`);
  told('first route, JS', sum(of(first, /\.js$/u)), BUDGET.first);
  told('first route, CSS', sum(of(first, /\.css$/u)), BUDGET.css);
  told('first route, fonts', sum(of(first, /\.woff2$/u)), BUDGET.fonts);
  const css = new Set(of(first, /\.css$/u));
  for (const route of ROUTES.slice(1)) {
    const more = (await visit(route)).filter((path) => !first.includes(path));
    told(`${route.open} more, JS`, sum(of(more, /\.js$/u)), BUDGET.other);
    for (const path of of(more, /\.css$/u)) css.add(path);
  }
  told('all CSS', sum([...css]), BUDGET.css);
});
