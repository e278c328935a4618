// link.test.mjs - Known watts through the real service to the page, and what the page says when the source,
// the service or the link fails: never a false zero, never a number of before as if it were of now.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { axe, isLive, startBrowser, until } from './support.mjs';
import { Complex, NO_SERVICE } from './support/complex.mjs';
import { Feed } from './support/feed.mjs';

const IDS = ['EV-0001', 'EV-0002', 'EV-0003', 'EV-0004'];
let browser;
let complex;
before(async () => {
  [browser, complex] = await Promise.all([startBrowser(), Complex.start({ stations: IDS })]);
});
after(async () => {
  await browser?.close();
  await complex?.stop();
});
beforeEach(async () => {
  await complex.charge('EV-0001', 11_040);
  await complex.charge('EV-0002', 7_360);
});

const number = (text) => Number(text.replaceAll(/[^\d.,]/gu, '').replace(',', '.'));
const load = (page) => page.getByTestId('load').innerText().then(number);
const row = (page, id) => page.locator(`[data-row="${id}"]`);
const shows = (page, id, text) => row(page, id).getByText(text, { exact: true }).first().waitFor({ timeout: 10_000 });
const colour = (page, id) => row(page, id).locator('.live').first().evaluate((element) => getComputedStyle(element).color);
const closes = async (view) => {
  view.check();
  await view.close();
};

test('known watts stand on every page within a period, and the sums are the sums', async () => {
  const overview = await complex.open(browser, '/');
  const stations = await complex.open(browser, '/stations');
  await until('the sum of two', async () => (await load(overview.page)) === 18.4, 5);
  for (const watts of [14_300, 3_680, 0]) {
    await complex.charge('EV-0001', watts);
    const since = Date.now();
    const kw = watts / 1000;
    // One period of the feed (at most a second) and one of the page (200 ms); the rest is the machine's.
    await until(`${kw} kW on the overview`, async () => Math.abs((await load(overview.page)) - (kw + 7.36)) < 0.06, 3);
    await shows(stations.page, 'EV-0001', kw === 0 ? '0' : kw < 10 ? kw.toFixed(2) : kw.toFixed(1));
    await until('the sum below the table', async () => Math.abs(number(await stations.page.getByTestId('sum-power').innerText()) - (kw + 7.36)) < 0.06, 3);
    assert.ok(Date.now() - since < 3000, `${Date.now() - since} ms`);
  }
  await closes(overview);
  await closes(stations);
});

test('two tabs of two people say the same at the same time', async () => {
  const views = await Promise.all([complex.open(browser, '/stations'), complex.open(browser, '/stations', { locale: 'ru' })]);
  for (const watts of [5_000, 6_000, 7_000]) {
    await complex.charge('EV-0002', watts);
    await Promise.all([shows(views[0].page, 'EV-0002', `${watts / 1000}.00`), shows(views[1].page, 'EV-0002', `${watts / 1000},00`)]);
  }
  for (const view of views) await closes(view);
});

test('nothing changes: the page stays live, and its link says how old the last word is', async () => {
  const view = await complex.open(browser, '/stations');
  const feed = new Feed(view.page);
  await view.page.waitForTimeout(12_000); // two heartbeats and no change
  assert.equal(await view.page.getByTestId('link').getAttribute('data-link'), 'live');
  assert.equal(await view.page.getByTestId('link-banner').count(), 0);
  assert.equal(feed.sockets, 0, 'the link was made anew');
  await closes(view);
});

test('the clock of the browser is an hour off: ages are right', async () => {
  for (const hours of [1, -1]) {
    const view = await complex.open(browser, null);
    await view.context.addInitScript((offset) => {
      const Real = Date;
      globalThis.Date = class extends Real {
        constructor(...args) {
          super(...(args.length === 0 ? [Real.now() + offset] : args));
        }
        static now() {
          return Real.now() + offset;
        }
      };
    }, hours * 3_600_000);
    await view.page.goto('/stations');
    await isLive(view.page);
    await complex.charge('EV-0001', 9_000 + hours);
    await shows(view.page, 'EV-0001', '9.00');
    const age = await row(view.page, 'EV-0001').locator('time').last().innerText();
    assert.match(age, /^[0-9]\ss$/u, `age ${age} with a clock ${hours} h off`);
    await closes(view);
  }
});

test('a hidden tab is quiet; looked at again it is fresh within a second', async () => {
  const view = await complex.open(browser, null);
  const feed = new Feed(view.page);
  await view.page.clock.install();
  await view.page.goto('/stations');
  await isLive(view.page);
  await shows(view.page, 'EV-0001', '11.0');
  const look = (state) =>
    view.page.evaluate((now) => {
      Object.defineProperty(document, 'visibilityState', { value: now, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }, state);
  await look('hidden');
  for (let i = 0; i < 3; i += 1) {
    await view.page.clock.fastForward(10_500); // below the patience with a link that says nothing
    await complex.charge('EV-0001', 6_000 + i);
    await view.page.waitForTimeout(400);
  }
  await until('the pause', () => feed.of('pause').length === 1, 3);
  await view.page.clock.fastForward('05:00');
  await complex.charge('EV-0001', 4_200);
  await view.page.waitForTimeout(1000);
  await look('visible');
  const since = Date.now();
  await shows(view.page, 'EV-0001', '4.20');
  await view.page.locator('html[data-live=fresh]').waitFor({ state: 'attached', timeout: 1500 }); // the snapshots of the other views
  assert.ok(Date.now() - since < 1500, `${Date.now() - since} ms`);
  feed.followed();
  await closes(view);
});

test('back from the page cache of the browser: a new link, and fresh', async () => {
  const view = await complex.open(browser, null);
  const feed = new Feed(view.page);
  await view.page.goto('/stations');
  await isLive(view.page);
  // Chromium under a test keeps no pages, so the two events are told as it would.
  await view.page.evaluate(() => window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true })));
  await complex.charge('EV-0001', 5_500);
  await view.page.evaluate(() => window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
  const since = Date.now();
  await shows(view.page, 'EV-0001', '5.50');
  assert.ok(Date.now() - since < 1500, `${Date.now() - since} ms`);
  assert.equal(feed.sockets, 2);
  feed.followed();
  await closes(view);
});

test('ten seconds of frames are lost: the hole is seen and a snapshot asked for', async () => {
  const view = await complex.open(browser, null);
  const asked = [];
  let dropping = false;
  await view.page.routeWebSocket(/\/api\/v1\/live$/u, (socket) => {
    const server = socket.connectToServer();
    server.onMessage((message) => {
      if (!dropping || JSON.parse(message).op === 'heartbeat') socket.send(message);
    });
    socket.onMessage((message) => {
      asked.push(JSON.parse(message));
      server.send(message);
    });
  });
  await view.page.goto('/stations');
  await isLive(view.page);
  await shows(view.page, 'EV-0001', '11.0');
  dropping = true;
  for (let i = 0; i < 10; i += 1) {
    await complex.charge('EV-0001', 1_000 + i * 10);
    await view.page.waitForTimeout(300);
  }
  dropping = false;
  asked.length = 0;
  await complex.charge('EV-0002', 2_500);
  await shows(view.page, 'EV-0002', '2.50');
  await shows(view.page, 'EV-0001', '1.09'); // not in the delta that came: only a snapshot knows it
  assert.ok(asked.some(({ op, since }) => op === 'subscribe' && since === undefined), JSON.stringify(asked));
  await closes(view);
});

test('one station says nothing any more: its age grows, it turns old, the others do not, and sums say "at least"', async () => {
  const quiet = await Complex.start({ stations: ['EV-0001', 'EV-0002'], options: { stale_after_s: 5 } });
  try {
    await quiet.charge('EV-0001', 11_040);
    await quiet.charge('EV-0002', 7_360);
    const view = await quiet.open(browser, '/stations');
    const overview = await quiet.open(browser, '/');
    await shows(view.page, 'EV-0001', '11.0');
    const fresh = await colour(view.page, 'EV-0001');
    const age = () => row(view.page, 'EV-0001').locator('time').last().innerText().then(number);
    const first = await age();
    for (let i = 0; i < 8; i += 1) {
      await quiet.charge('EV-0002', 7_360 + i);
      await view.page.waitForTimeout(1000);
    }
    assert.ok((await age()) >= first + 6, `age ${await age()} after ${first}`);
    await until('the silent station is grey', async () => (await colour(view.page, 'EV-0001')) !== fresh, 5);
    assert.equal(await colour(view.page, 'EV-0002'), fresh, 'the other one is fresh');
    await shows(view.page, 'EV-0001', '11.0'); // the digits stay
    await until('at least', async () => (await overview.page.locator('main').innerText()).includes('≥'), 5);
    assert.equal(await load(overview.page), 18.4);
    await closes(view);
    await closes(overview);
  } finally {
    await quiet.stop();
  }
});

test('the source falls silent: the values keep their digits, turn old, and nothing becomes zero', async () => {
  const view = await complex.open(browser, '/stations');
  await shows(view.page, 'EV-0001', '11.0');
  await complex.disconnect('EV-0003');
  await row(view.page, 'EV-0003').getByText('Offline').waitFor();
  assert.doesNotMatch(await row(view.page, 'EV-0003').innerText(), /\b0[.,]0/u, 'a false zero');
  complex.producer.stop(); // no sign of life of the gateway any more
  await view.page.locator('[data-testid=feed]:not([data-feed=live])').waitFor({ timeout: 20_000 });
  assert.equal(await view.page.getByTestId('link').getAttribute('data-link'), 'live', 'our own link is fine');
  await view.page.locator('[data-testid=feed][data-feed=lost]').waitFor({ timeout: 10_000 });
  await until('nobody is known', async () => (await view.page.locator('[data-row]').getByText('Unknown').count()) >= IDS.length, 10);
  assert.doesNotMatch(await row(view.page, 'EV-0001').innerText(), /\b0[.,]00?\b/u, 'a false zero');
  await complex.produce();
  await complex.connect('EV-0003');
  await view.page.locator('[data-testid=feed][data-feed=live]').waitFor({ timeout: 20_000 });
  await shows(view.page, 'EV-0001', '11.0');
  await closes(view);
});

test('the service is killed: a banner within 3 s, grey values, no false zero; it comes back by itself', async () => {
  const view = await complex.open(browser, null);
  view.expect(NO_SERVICE, /50[23]/u);
  const { page } = view;
  const feed = new Feed(page);
  await page.goto('/stations');
  await isLive(page);
  await shows(page, 'EV-0001', '11.0');
  const fresh = await colour(page, 'EV-0001');
  await complex.kill();
  const killed = Date.now();
  await page.getByTestId('link-banner').waitFor({ timeout: 3000 });
  assert.ok(Date.now() - killed <= 3000);
  await until('grey values', async () => (await colour(page, 'EV-0001')) !== fresh, 2);
  await shows(page, 'EV-0001', '11.0'); // the digits stay
  assert.doesNotMatch(await row(page, 'EV-0001').innerText(), /\b0[.,]00?\b/u, 'a false zero');
  await axe(page, 'lost link');
  await complex.charge('EV-0001', 8_800); // while nobody listens
  await page.waitForTimeout(2500);
  await complex.restart();
  await isLive(page, 20);
  await page.getByTestId('link-banner').waitFor({ state: 'hidden' });
  await until('values in ink', async () => (await colour(page, 'EV-0001')) === fresh, 10);
  await shows(page, 'EV-0001', '8.80');
  await complex.charge('EV-0001', 9_900);
  await shows(page, 'EV-0001', '9.90');
  assert.ok(feed.followed() > 0);
  await closes(view);
});

test('a link that freezes without closing is found within 15 s', async () => {
  const view = await complex.open(browser, '/stations');
  view.expect(NO_SERVICE);
  complex.freeze();
  const since = Date.now();
  await view.page.getByTestId('link-banner').waitFor({ timeout: 16_000 });
  assert.ok(Date.now() - since <= 15_500, `${Date.now() - since} ms`);
  complex.thaw();
  await isLive(view.page);
  await closes(view);
});
