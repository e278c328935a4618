// load.test.mjs - 500 stations at five changes a second, in the short form: the main thread stays free, nothing
// grows, and the first page is filled in time. Alone, because it measures. The long form (ten minutes) is `./kw bench page`.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ROUTES, startBrowser } from '../support.mjs';
import { BARS, filledMs, go, Meter, play, RATE_HZ, startLoaded, STATIONS } from '../support/load.mjs';

const SECONDS = 10;
const CYCLES = 10;
/** Pages whose cost at full rate is a promise; a table of 500, 500 tiles, and what sums them up. */
const HEAVY = ['/stations?sort=-power', '/', '/stations?view=wall', '/nodes'];

let browser;
let loaded;
before(async () => {
  [browser, loaded] = await Promise.all([startBrowser(['--enable-precise-memory-info']), startLoaded()]);
});
after(async () => {
  await browser?.close();
  await loaded?.complex.stop();
});

test(`the overview of ${STATIONS} stations is filled in ${BARS.overviewMs} ms`, async (t) => {
  const view = await loaded.complex.open(browser, null);
  const times = [];
  for (let i = 0; i < 3; i += 1) times.push(await filledMs(view.page, '/', ROUTES[0].filled));
  const best = Math.min(...times);
  t.diagnostic(`filled after ${times.map(Math.round).join(', ')} ms (this build of the service: ${process.env.KW_BIN ?? 'asan'})`);
  assert.ok(best <= BARS.overviewMs, `${Math.round(best)} ms at best`);
  view.check();
  await view.close();
});

test(`${STATIONS} rows at ${RATE_HZ} Hz: main thread below ${BARS.mainThread * 100} %, no long task, heap flat`, async (t) => {
  const player = play(loaded);
  try {
    for (const address of HEAVY.filter((each) => ROUTES.some(({ open }) => open === each.split('?')[0]))) {
      const view = await loaded.complex.open(browser, address);
      const meter = await Meter.on(view.page);
      await view.page.waitForTimeout(3000); // code is compiled, first paints are over
      let cost = await meter.over(SECONDS);
      if (cost.longTasks.length > 0 || cost.mainThread >= BARS.mainThread) cost = await meter.over(SECONDS); // the machine's other work
      t.diagnostic(`${address}: main thread ${(cost.mainThread * 100).toFixed(1)} %, heap ${cost.heapMb.toFixed(1)} MB (${cost.heapGrowthMb.toFixed(2)}), ${cost.framesPerS.toFixed(1)} frames/s, ${cost.kbPerS.toFixed(0)} kB/s, long tasks ${cost.longTasks}`);
      assert.ok(cost.framesPerS >= 2 && cost.kbPerS > 20, `${address}: nothing was going on: ${JSON.stringify(cost)}`);
      assert.ok(cost.mainThread < BARS.mainThread, `${address}: ${JSON.stringify(cost)}`);
      assert.deepEqual(cost.longTasks, [], address);
      assert.ok(cost.heapGrowthMb < 4, `${address}: ${JSON.stringify(cost)}`);
      view.check();
      await view.close();
    }
  } finally {
    player.stop();
  }
  assert.ok(player.state.sent > STATIONS * SECONDS, `only ${player.state.sent} values were sent`);
});

test(`${CYCLES} times through all pages: listeners and nodes stay as many as they were`, async (t) => {
  const view = await loaded.complex.open(browser, '/');
  const meter = await Meter.on(view.page);
  const cycle = async () => {
    for (const { open, filled } of ROUTES) {
      await go(view.page, open);
      await view.page.locator(filled).first().waitFor({ state: 'attached' });
    }
    await go(view.page, '/');
    await view.page.locator(ROUTES[0].filled).first().waitFor({ state: 'attached' });
  };
  for (let i = 0; i < 3; i += 1) await cycle(); // what is made once is made
  const before = await meter.settled();
  for (let i = 0; i < CYCLES; i += 1) await cycle();
  await view.page.waitForTimeout(500);
  const after = await meter.settled();
  t.diagnostic(`nodes ${before.nodes} to ${after.nodes}, listeners ${before.listeners} to ${after.listeners}, heap ${before.heapMb.toFixed(1)} to ${after.heapMb.toFixed(1)} MB`);
  assert.ok(after.nodes < before.nodes * 1.1 + 200, JSON.stringify({ before, after }));
  assert.ok(after.listeners < before.listeners * 1.1 + 50, JSON.stringify({ before, after }));
  assert.ok(after.heapMb < before.heapMb + 4, JSON.stringify({ before, after }));
  view.check();
  await view.close();
});
