// security.test.mjs - What an attacker would try in the browser of somebody who is signed in: hostile names,
// a foreign page, a frame, what stays behind after the sign-out.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { demo, isLive, openDemo, openPage, rest, ROUTES, signIn, startBrowser, until, NOT_SIGNED_IN } from './support.mjs';
import { Complex } from './support/complex.mjs';

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser.close());

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
  "manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const EVIL = 'https://evil.example';

/** A page of somebody else in the same browser. */
async function evilPage(view, body) {
  view.expect(/evil\.example/u, /frame-ancestors|ERR_BLOCKED_BY_RESPONSE|ERR_BLOCKED_BY_CSP/u);
  const page = await view.context.newPage();
  await page.route(`${EVIL}/**`, (route) => route.fulfill({ contentType: 'text/html', body: `<h1>evil</h1>${body}` }));
  await page.goto(EVIL);
  return page;
}

test('the policy is exact on every address, on assets, and on the API', async () => {
  const view = await openDemo(browser);
  const { request } = view.page;
  const index = await (await request.get('/')).text();
  const assets = [...index.matchAll(/(?:src|href)="(\/[^"]+)"/gu)].map((match) => match[1]);
  assert.ok(assets.length >= 3, index);
  for (const address of [...ROUTES.map(({ open }) => open), '/login', '/no/such/page', '/api/v1/session', '/api/v1/stations', ...assets]) {
    const headers = (await request.get(address)).headers();
    assert.equal(headers['content-security-policy'], POLICY, address);
    assert.equal(headers['x-content-type-options'], 'nosniff', address);
    assert.equal(headers['cross-origin-opener-policy'], 'same-origin', address);
    assert.match(headers['strict-transport-security'], /^max-age=/u, address);
    if (address.startsWith('/api/')) assert.match(headers['cache-control'] ?? '', /no-store/u, address);
  }
  for (const { open, filled } of ROUTES) {
    await view.page.goto(open);
    await view.page.locator(filled).first().waitFor({ state: 'attached' });
  }
  view.check(); // no violation on any of them
  await view.close();
});

const HOSTILE = '"><img src=x onerror="window.kwHacked=1"><script>window.kwHacked=1</script>{{7*7}}${7*7}\u202e';

test('hostile names of stations, nodes and drivers, and hostile words of a fault, are only text', async () => {
  const complex = await Complex.start({ stations: ['EV-0001', 'EV-0002'] });
  try {
    const { service } = complex;
    const grid = await service.expect(201, 'POST', '/api/v1/nodes', { id: 'grid', kind: 'switchboard', name: HOSTILE, parent_id: service.nodeId, limit_ma: [32000, 32000, 32000] });
    for (const id of ['EV-0001', 'EV-0002']) {
      const { revision } = await service.expect(200, 'GET', `/api/v1/stations/${id}`);
      await service.expect(200, 'PATCH', `/api/v1/stations/${id}`, { name: `${id}${HOSTILE}`, node_id: grid.id, tags: [HOSTILE.slice(0, 30)] }, { 'If-Match': `"${revision}"` });
    }
    const driver = await service.expect(201, 'POST', '/api/v1/drivers', { name: HOSTILE });
    await service.expect(201, 'POST', '/api/v1/keys', { uid: '04A1', driver_id: driver.id, label: HOSTILE });
    await complex.charge('EV-0001', 11_040);
    await complex.producer.status('EV-0002', 1, 'Faulted', 'faulted', `GroundFailure${HOSTILE}`);
    for (const size of [{ width: 1440 }, { width: 390, isMobile: true, hasTouch: true }]) {
      const view = await complex.open(browser, '/stations', size);
      const { page } = view;
      page.on('dialog', () => assert.fail('a dialog opened'));
      await page.getByText('<img src=x').first().waitFor();
      for (const address of [...ROUTES.map(({ open }) => open), '/stations?open=EV-0002', '/stations?view=wall', '/stations?view=nodes', '/nodes/grid?view=map', '/nodes/grid?view=table']) {
        await page.goto(address);
        await page.locator('h1').first().waitFor({ state: 'attached' });
        await page.waitForTimeout(250);
        assert.equal(await page.evaluate(() => window.kwHacked), undefined, address);
        assert.equal(await page.locator('img, main script').count(), 0, address);
      }
      view.check();
      await view.close();
    }
  } finally {
    await complex.stop();
  }
});

test('a foreign page can neither change anything nor listen', async () => {
  const view = await openDemo(browser);
  const page = await evilPage(view, '');
  const { url } = demo();
  // As a form does: no preflight, whatever the browser lets go.
  await page.evaluate(async (target) => {
    const body = JSON.stringify({ id: 'EV-EVIL', name: 'x', phases: 3, rotation: 0, connectors: [{ id: 1 }] });
    await fetch(`${target}/api/v1/stations`, { method: 'POST', mode: 'no-cors', credentials: 'include', body }).catch(() => {});
    await fetch(`${target}/api/v1/session`, { method: 'DELETE', credentials: 'include' }).catch(() => {});
  }, url);
  view.expect(/EV-EVIL|40[1345].*\/api\/v1\//u, /CORS|ERR_FAILED/u);
  const { items } = await rest('/api/v1/stations?q=EV-EVIL');
  assert.deepEqual(items, []);
  assert.equal((await view.page.request.get('/api/v1/session')).status(), 200, 'the session was ended by a foreign page');
  // The cookie in the hand, the origin wrong: only the server stands between.
  const forged = await view.page.request.post('/api/v1/stations', { headers: { Origin: EVIL }, data: { id: 'EV-EVIL', phases: 3, connectors: [{ id: 1 }] } });
  assert.equal(forged.status(), 403);
  assert.equal((await forged.json()).code, 'bad-origin');
  view.expect(/WebSocket connection/u, /wss:/u);
  const opened = await page.evaluate(
    (target) =>
      new Promise((resolve) => {
        const socket = new WebSocket(`${target.replace('https', 'wss')}/api/v1/live`, 'kw.live.v1');
        socket.onopen = () => resolve('open');
        socket.onclose = () => resolve('closed');
      }),
    url,
  );
  assert.equal(opened, 'closed');
  await view.close();
});

test('the page refuses to stand in a frame', async () => {
  const view = await openDemo(browser);
  const page = await evilPage(view, `<iframe src="${demo().url}/" width="600" height="400"></iframe>`);
  await page.waitForTimeout(1000);
  const frame = page.frames().find((each) => each !== page.mainFrame());
  assert.ok(frame === undefined || !frame.url().startsWith(demo().url) || (await frame.locator('h1').count()) === 0, frame?.url());
  await view.close();
});

test('no token stands in an address, in the storage, or in the console', async () => {
  const view = await openPage(browser, { url: demo().url });
  const asked = [];
  view.page.on('request', (request) => asked.push(request.url()));
  view.page.on('websocket', (socket) => asked.push(socket.url()));
  await signIn(view, demo());
  const [cookie] = await view.context.cookies();
  for (const { open, filled } of ROUTES) {
    await view.page.goto(open);
    await view.page.locator(filled).first().waitFor({ state: 'attached' });
    const kept = await view.page.evaluate(async () => JSON.stringify([
      { ...localStorage }, { ...sessionStorage }, document.cookie, location.href, (await indexedDB.databases()).length,
    ]));
    assert.ok(!kept.includes(cookie.value) && !/kwt_|password/iu.test(kept), `${open}: ${kept}`);
  }
  assert.ok(asked.some((url) => url.startsWith('wss:')));
  for (const url of asked) assert.ok(!url.includes(cookie.value) && !/kwt_/u.test(url), url);
  view.check();
  await view.close();
});

test('after the sign-out nothing is shown from the cache, and the socket of the other tab is closed', async () => {
  const view = await openPage(browser, { url: demo().url });
  await signIn(view, demo());
  const { page } = view;
  const other = await view.context.newPage();
  let closed = 0;
  other.on('websocket', (socket) => socket.on('close', () => (closed += 1)));
  await other.goto('/stations');
  await isLive(other);
  await page.goto('/stations');
  await page.locator('[data-row]').first().waitFor();
  await page.getByRole('button', { name: /^Account/u }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.waitForURL(/\/login/u);
  await until('the socket of the other tab is closed', () => closed > 0, 5);
  view.expect(NOT_SIGNED_IN, /401/u);
  await page.goBack();
  await page.waitForTimeout(1000);
  assert.equal(await page.locator('[data-row]').count(), 0, 'rows after the sign-out');
  await page.goto('/stations');
  await page.waitForURL(/\/login/u);
  assert.equal(await page.locator('[data-row]').count(), 0);
  for (const path of ['stations', 'complex', 'nodes', 'drivers', 'transactions']) {
    assert.equal((await page.request.get(`/api/v1/${path}`)).status(), 401, path);
  }
  await view.close();
});
