// load.mjs - 500 stations that all change five times a second, and what that costs the page: share of the main
// thread, long tasks, heap, nodes and listeners. The short form is load.test.mjs, the long one `./kw bench page`.
//
// The share is CPU time of the main thread, which a busy machine does not change; long tasks are wall time,
// so they are counted again once when there were any.
import { Complex } from './complex.mjs';

export const STATIONS = 500;
export const RATE_HZ = 5;

export const BARS = { mainThread: 0.15, longTaskMs: 100, overviewMs: 1500 };

/** A complex in which every station charges. */
export async function startLoaded(count = STATIONS) {
  const ids = Array.from({ length: count }, (_, i) => `EV-${String(i + 1).padStart(4, '0')}`);
  const complex = await Complex.start({ stations: ids });
  await Promise.all(ids.map((id) => complex.charge(id, 7_000)));
  return { complex, ids };
}

/** Every station says something new `RATE_HZ` times a second until stop(); `sent` counts. */
export function play({ complex, ids }) {
  const { link } = complex;
  const state = { sent: 0, ticks: 0, late: 0 };
  let busy = false;
  const timer = setInterval(async () => {
    if (busy) {
      state.late += 1;
      return;
    }
    busy = true;
    state.ticks += 1;
    const last = await link.call('INCRBY', 'kw:1:n:mv', ids.length);
    const now = Date.now();
    const added = ids.map((cs, i) => {
      const powerW = 5_000 + ((i * 37 + state.ticks * 113) % 6_000);
      const s = [{ m: 'Power.Active.Import', v: powerW, u: 'W' }, ...['L1', 'L2', 'L3'].map((p) => ({ m: 'Current.Import', v: Math.round(powerW / 69) / 10, p, u: 'A' }))];
      return link.call('XADD', 'kw:1:mv', 'MAXLEN', '~', 20_000, '*', 'v', 1, 'n', last - ids.length + i + 1, 'type', 'meter.values', 'ts', now, 'rts', now,
        'src', 'test', 'cs', cs, 'evse', 1, 'con', 1, 'tx', 7, 'd', JSON.stringify({ ctx: 'Sample.Periodic', s }));
    });
    await Promise.all(added).catch(() => {});
    state.sent += ids.length;
    busy = false;
  }, 1000 / RATE_HZ);
  return { state, stop: () => clearInterval(timer) };
}

export class Meter {
  static async on(page) {
    const meter = new Meter();
    meter.page = page;
    meter.cdp = await page.context().newCDPSession(page);
    await meter.cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
    meter.frames = 0;
    meter.bytes = 0;
    meter.cdp.on('Network.webSocketFrameReceived', ({ response }) => {
      meter.frames += 1;
      meter.bytes += response.payloadData.length;
    });
    return meter;
  }

  async read() {
    const { metrics } = await this.cdp.send('Performance.getMetrics');
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  }

  /** After the garbage is gone. */
  async settled() {
    await this.cdp.send('HeapProfiler.enable');
    for (let i = 0; i < 3; i += 1) await this.cdp.send('HeapProfiler.collectGarbage');
    const { JSHeapUsedSize, Nodes, JSEventListeners, Documents } = await this.read();
    return { heapMb: JSHeapUsedSize / 1e6, nodes: Nodes, listeners: JSEventListeners, documents: Documents };
  }

  /** What comes over the socket in two seconds; not while the cost is measured, because to look is work, too. */
  async traffic() {
    const [frames, bytes] = [this.frames, this.bytes];
    await this.cdp.send('Network.enable');
    await this.page.waitForTimeout(2000);
    await this.cdp.send('Network.disable');
    return { framesPerS: (this.frames - frames) / 2, kbPerS: (this.bytes - bytes) / 2000 };
  }

  /** What the page costs over so many seconds. */
  async over(seconds) {
    const traffic = await this.traffic();
    await this.page.evaluate(() => {
      window.kwLong = [];
      window.kwObserver?.disconnect();
      window.kwObserver = new PerformanceObserver((list) => window.kwLong.push(...list.getEntries().map(({ duration }) => Math.round(duration))));
      window.kwObserver.observe({ type: 'longtask' });
    });
    const before = await this.settled();
    const from = await this.read();
    const at = performance.now();
    await this.page.waitForTimeout(seconds * 1000);
    const to = await this.read();
    const span = (performance.now() - at) / 1000;
    const long = await this.page.evaluate(() => window.kwLong);
    const after = await this.settled();
    return {
      mainThread: (to.TaskDuration - from.TaskDuration) / span,
      longTasks: long.filter((ms) => ms > BARS.longTaskMs),
      heapGrowthMb: after.heapMb - before.heapMb,
      heapMb: after.heapMb,
      nodesGrowth: after.nodes - before.nodes,
      listenersGrowth: after.listeners - before.listeners,
      ...traffic,
    };
  }
}

/** To an address without loading the page again, as a link does. */
export async function go(page, address) {
  await page.evaluate((to) => {
    window.history.pushState({}, '', to);
    window.dispatchEvent(new PopStateEvent('popstate'));
  }, address);
}

/** Milliseconds from the beginning of the navigation until `selector` is in the document. */
export async function filledMs(page, address, selector) {
  await page.goto('about:blank');
  await page.addInitScript((wanted) => {
    const look = () => {
      if (document.querySelector(wanted) === null) requestAnimationFrame(look);
      else window.kwFilledMs ??= performance.now();
    };
    requestAnimationFrame(look);
  }, selector);
  await page.goto(address);
  await page.waitForFunction(() => window.kwFilledMs !== undefined);
  return page.evaluate(() => window.kwFilledMs);
}
