// complex.mjs - A complex of the test's own: private Redis, the real service, and the stations' side played
// through the contract, so that every watt on the page is known. The parts are those of tests/scenes.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Producer } from '../../scenes/support/producer.mjs';
import { RedisServer } from '../../scenes/support/redis.mjs';
import { Service } from '../../scenes/support/service.mjs';
import { isLive, openPage, withSession } from './browser.mjs';

const WEB = new URL('../../../web/dist', import.meta.url).pathname;

/** Who Service.prepare() makes. */
export const ADMINISTRATOR = { email: 'admin@example.org', password: 'a long enough pass phrase' };

export class Complex {
  /** `stations`: ids that are registered at once, below one node; none: nothing is set up yet. */
  static async start({ stations = [], options = {} } = {}) {
    const complex = new Complex();
    try {
      complex.redis = await RedisServer.start();
      complex.link = complex.redis.client();
      complex.service = await Service.start(complex.redis.url, {
        web_dir: WEB, complex_name: 'Северный парк', zone: 'Europe/Moscow', contact: 'Соколова Е. В., доб. 214', ...options,
      });
      complex.service.options.listen_port = complex.service.port; // the same after a restart
      complex.url = `https://127.0.0.1:${complex.service.port}`;
      if (stations.length > 0) {
        await complex.service.prepare(stations);
        await complex.produce();
        for (const id of stations) await complex.connect(id);
        await complex.service.ready();
      }
      return complex;
    } catch (error) {
      await complex.stop().catch(() => {});
      throw error;
    }
  }

  /** The stations' side speaks: the sign of life of a gateway. */
  async produce() {
    this.producer = await Producer.start(this.link, 'epoch-of-the-test');
  }

  async connect(id) {
    this.generation = (this.generation ?? 0) + 1;
    await this.producer.connect(id, this.generation);
    await this.producer.status(id, 1, 'Available', 'available');
  }

  async disconnect(id) {
    await this.link.call('HSET', `kw:1:station:${id}`, 'connected', 0, 'disconnectedTs', Date.now());
    await this.producer.entry('station.disconnected', { cs: id }, { conGen: this.generation, reason: 'closed', code: 1006 });
  }

  setupCode() {
    return readFileSync(join(this.service.folder, 'setup-code'), 'utf8').trim();
  }

  /** The station charges with this power; the first call begins its session. */
  async charge(id, powerW, { tx = 7, tag = '04A1', energyWh = 1000 } = {}) {
    this.charging ??= new Set();
    if (!this.charging.has(id)) {
      this.charging.add(id);
      await this.producer.status(id, 1, 'Charging', 'charging');
      await this.producer.txStart(id, 1, tx, tag, 500);
    }
    await this.producer.meter(id, 1, tx, { powerW, energyWh, currentA: Math.round(powerW / 690) });
  }

  async end(id, { tx = 7, tag = '04A1' } = {}) {
    await this.producer.txEnd(id, 1, tx, tag, 2000, 1500);
    await this.producer.status(id, 1, 'Available', 'available');
    this.charging?.delete(id);
  }

  /** A page of this complex, signed in as its administrator, at an address (null: nowhere yet). */
  async open(browser, address = '/', options = {}) {
    const view = await openPage(browser, { url: this.url, ...options });
    await withSession(view, ADMINISTRATOR);
    if (address === null) return view;
    await view.page.goto(address);
    await isLive(view.page);
    return view;
  }

  kill() { return this.service.kill(); }
  restart() { return this.service.run(); }
  freeze() { this.service.process.kill('SIGSTOP'); }
  thaw() { this.service.process.kill('SIGCONT'); }

  async stop() {
    this.producer?.stop();
    if (this.service) {
      this.thaw(); // a test that failed may have left it frozen, and then TERM waits for ever
      await this.service.stop();
    }
    this.link?.close();
    await this.redis?.stop();
  }
}

/** The errors that a browser prints while nobody answers. */
export const NO_SERVICE = /WebSocket|ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY|ERR_SOCKET|ERR_NETWORK|Failed to fetch/u;
