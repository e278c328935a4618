// page.mjs - `./kw bench page`: 500 stations at five changes a second for ten minutes, and fifty walks through
// all pages: what that costs the page in Chromium. No floor program: the bars are shares of a core and bytes.
//
// --minutes N (10), --cycles N (50), --page ADDRESS (the table). The short form runs in `./kw test e2e`.
import { parseArgs } from 'node:util';
import { ROUTES, startBrowser } from '../e2e/support.mjs';
import { BARS, filledMs, go, Meter, play, RATE_HZ, startLoaded, STATIONS } from '../e2e/support/load.mjs';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, cycles: { type: 'string', default: '50' }, page: { type: 'string', default: '/stations?sort=-power' } },
});
const GROWTH_MB = 10;
const WINDOW_S = 60;

const missed = [];
const bar = (what, value, limit, unit) => {
  console.log(`${what.padEnd(44)} ${value.toFixed(1).padStart(9)} ${unit}   bar ${limit}`);
  if (!(value <= limit)) missed.push(what);
};

const [browser, loaded] = await Promise.all([startBrowser(['--enable-precise-memory-info']), startLoaded()]);
let player;
try {
  const first = await loaded.complex.open(browser, null);
  const times = [];
  for (let i = 0; i < 5; i += 1) times.push(await filledMs(first.page, '/', ROUTES[0].filled));
  bar('overview filled, best of 5', Math.min(...times), BARS.overviewMs, 'ms');
  first.check();
  await first.close();

  player = play(loaded);
  const view = await loaded.complex.open(browser, values.page);
  const meter = await Meter.on(view.page);
  await view.page.waitForTimeout(5000);
  const { heapMb } = await meter.settled();
  const windows = Math.max(1, Math.round((Number(values.minutes) * 60) / WINDOW_S));
  let worst = 0;
  let long = 0;
  let last;
  for (let i = 1; i <= windows; i += 1) {
    last = await meter.over(WINDOW_S);
    worst = Math.max(worst, last.mainThread);
    long += last.longTasks.length;
    console.log(`minute ${String(i).padStart(2)}: main thread ${(last.mainThread * 100).toFixed(1)} %, heap ${last.heapMb.toFixed(1)} MB, ${last.framesPerS.toFixed(0)} frames/s, ${last.kbPerS.toFixed(0)} kB/s, long tasks ${last.longTasks.length}`);
  }
  bar(`main thread, ${STATIONS} rows at ${RATE_HZ} Hz, worst minute`, worst * 100, BARS.mainThread * 100, '%');
  bar(`long tasks above ${BARS.longTaskMs} ms`, long, 0, '');
  bar('heap growth', last.heapMb - heapMb, GROWTH_MB, 'MB');
  view.check();
  await view.close();
  player.stop();

  const walk = await loaded.complex.open(browser, '/');
  const walker = await Meter.on(walk.page);
  const cycle = async () => {
    for (const { open, filled } of [...ROUTES, ROUTES[0]]) {
      await go(walk.page, open);
      await walk.page.locator(filled).first().waitFor({ state: 'attached' });
    }
  };
  for (let i = 0; i < 3; i += 1) await cycle();
  const before = await walker.settled();
  for (let i = 0; i < Number(values.cycles); i += 1) await cycle();
  await walk.page.waitForTimeout(1000);
  const after = await walker.settled();
  bar(`${values.cycles} walks: nodes more`, after.nodes - before.nodes, before.nodes * 0.1, '');
  bar(`${values.cycles} walks: listeners more`, after.listeners - before.listeners, before.listeners * 0.1, '');
  bar(`${values.cycles} walks: heap growth`, after.heapMb - before.heapMb, GROWTH_MB, 'MB');
  walk.check();
  await walk.close();
} finally {
  player?.stop();
  await browser.close();
  await loaded.complex.stop();
}
if (missed.length > 0) {
  console.error(`missed: ${missed.join(', ')}`);
  process.exit(1);
}
