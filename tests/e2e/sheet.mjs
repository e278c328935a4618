// sheet.mjs - Every page in every look, as pictures in one folder, and an index that lays each beside its
// mockup: what a person looks through before a release. `./kw shots` runs it against a demo of its own.
//
//   node tests/e2e/sheet.mjs [--out DIR] [--mockups DIR] [--dist DIR] [--only WORD]
//
// KW_DEMO names the demo.json of a running demo. --dist serves another build of the page than the service's;
// --only takes the pages whose name has the word. Ends with 1 when a page had a fault, as a test would.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { demo, isLive, openPage, rest, routerPaths, startBrowser, withSession } from './support.mjs';

const { values: options } = parseArgs({
  options: { out: { type: 'string', default: 'build/shots' }, mockups: { type: 'string' }, dist: { type: 'string' }, only: { type: 'string' } },
});

const SIZES = {
  '1440x900': { width: 1440, height: 900 },
  '1920x1080': { width: 1920, height: 1080 },
  '390x844': { width: 390, height: 844, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
};

/** name, address, and the beginning of the name of its mockup (a phone has its own). */
const PAGES = [
  { name: 'sign-in', open: '/login', mockup: '01-sign-in', anonymous: true },
  { name: 'overview', open: '/', mockup: '02-overview', phone: '13-phone-overview' },
  { name: 'nodes-diagram', open: '/nodes', mockup: '03-nodes-diagram' },
  { name: 'nodes-map', open: '/nodes?view=map', mockup: '03-nodes-loadmap' },
  { name: 'nodes-table', open: '/nodes?view=table' },
  { name: 'node', open: '/nodes/grid' },
  { name: 'stations', open: '/stations', mockup: '04-stations-table', phone: '13-phone-stations' },
  { name: 'stations-drawer', open: '/stations?open=CHARGING', mockup: '04-stations-table' },
  { name: 'stations-wall', open: '/stations?view=wall', mockup: '04-stations-wall' },
  { name: 'stations-nodes', open: '/stations?view=nodes' },
  { name: 'station', open: '/stations/CHARGING', mockup: '05-station-live', phone: '13-phone-station' },
  { name: 'station-faulted', open: '/stations/FAULTED', mockup: '05-station-live', phone: '13-phone-station' },
  { name: 'station-events', open: '/stations/CHARGING?tab=events' },
  { name: 'wall', open: '/wall' },
];

const TYPES = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2',
  '.webmanifest': 'application/manifest+json',
};

/** Files of `--dist` in place of those of the service, with the service's own headers. */
async function serveDist(view, dist) {
  const { 'content-security-policy': policy } = (await view.context.request.get('/')).headers();
  await view.context.route(
    (url) => url.origin === demo().url && !/^\/(api|healthz|readyz)/u.test(url.pathname),
    (route) => {
      const { pathname } = new URL(route.request().url());
      const named = join(dist, pathname);
      const file = extname(pathname) !== '' && existsSync(named) ? named : join(dist, 'index.html');
      return route.fulfill({ body: readFileSync(file), headers: { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream', 'content-security-policy': policy } });
    },
  );
}

/** The mockup for a picture: of the same language and theme if there is one. */
function mockupOf({ mockup, phone }, size, locale, theme) {
  const wanted = size === '390x844' ? phone : mockup;
  if (options.mockups === undefined || wanted === undefined) return undefined;
  const fits = (file) => Number(file.includes(`-${locale}-`)) + Number(file.includes(theme));
  return readdirSync(options.mockups).filter((file) => file.startsWith(wanted)).toSorted((a, b) => fits(b) - fits(a))[0];
}

function writeIndex(out, shots, counts) {
  const rows = shots.map(({ file, page, size, locale, theme, mockup, faults }) => {
    const beside = mockup === undefined ? '' : `<a href="${relative(out, resolve(options.mockups, mockup))}"><img loading="lazy" src="${relative(out, resolve(options.mockups, mockup))}" alt="mockup"></a>`;
    const words = faults.length > 0 ? `<p class="fault">${faults.map((fault) => fault.replaceAll('<', '&lt;')).join('<br>')}</p>` : '';
    return `<section id="${file}"><h2>${page} · ${size} · ${locale} · ${theme}</h2>${words}<div><a href="${file}"><img loading="lazy" src="${file}" alt=""></a>${beside}</div></section>`;
  });
  writeFileSync(
    join(out, 'index.html'),
    `<!doctype html><meta charset="utf-8"><title>Pages</title><style>body{font:14px sans-serif;margin:16px}section div{display:flex;gap:12px}
section img{max-width:48vw;max-height:90vh;border:1px solid #999}.fault{color:#b00}</style>
<h1>${shots.length} pictures, ${new Date().toISOString()}</h1><p>Stations: ${Object.entries(counts).map(([state, n]) => `${state} ${n}`).join(', ')}</p>${rows.join('\n')}\n`,
  );
}

async function stationThat(state) {
  const { items } = await rest(`/api/v1/stations?state=${state}&limit=1`);
  return items[0]?.id;
}

const out = resolve(options.out);
mkdirSync(out, { recursive: true });
const place = { CHARGING: await stationThat('charging'), FAULTED: await stationThat('faulted') };
const { stations: counts } = await rest('/api/v1/complex');

/** Does the router know the address? A page that is not there yet is told, and no picture of "no such page" taken. */
const paths = routerPaths().map((path) => new RegExp(`^${path.replaceAll(/\$\w+/gu, '[^/]+')}$`, 'u'));
const isThere = ({ open }) => paths.some((path) => path.test(open.split('?')[0]));
const wanted = PAGES.filter(({ name }) => options.only === undefined || name.includes(options.only));
const pages = wanted.filter(isThere);
for (const { name } of wanted.filter((page) => !isThere(page))) console.log(`no such page yet: ${name}`);
// A page that we serve comes from no address at all, and Chromium then refuses it the socket to loopback.
const browser = await startBrowser(options.dist === undefined ? [] : ['--disable-features=LocalNetworkAccessChecks']);
const shots = [];
for (const [size, viewport] of Object.entries(SIZES)) {
  for (const locale of ['ru', 'en']) {
    for (const theme of ['light', 'dark']) {
      const view = await openPage(browser, { url: demo().url, locale, theme, timezoneId: 'Europe/Moscow', ...viewport });
      if (options.dist !== undefined) await serveDist(view, resolve(options.dist));
      view.expect(/401.*\/api\/v1\/session/u);
      for (const page of pages) {
        const address = page.open.replace(/CHARGING|FAULTED/u, (word) => place[word] ?? 'EV-0001');
        if (page.anonymous) await view.context.clearCookies();
        else await withSession(view, demo());
        await view.page.goto(address);
        if (!page.anonymous) await isLive(view.page, 5).catch(() => {});
        await view.page.locator('h1').first().waitFor({ state: 'attached', timeout: 5000 }).catch(() => view.faults.push('no h1'));
        await view.page.waitForTimeout(1200); // charts have drawn, bars have their values
        const file = `${page.name}-${size}-${locale}-${theme}.png`;
        await view.page.screenshot({ path: join(out, file) });
        shots.push({ file, page: page.name, size, locale, theme, mockup: mockupOf(page, size, locale, theme), faults: view.faults.splice(0) });
      }
      await view.close();
    }
  }
}
await browser.close();
writeIndex(out, shots, counts);
const bad = shots.filter(({ faults }) => faults.length > 0);
for (const { file, faults } of bad) console.error(`${file}: ${faults.join('; ')}`);
console.log(`${shots.length} pictures, ${bad.length} with faults: ${join(out, 'index.html')}`);
process.exit(bad.length > 0 || shots.length === 0 ? 1 : 0);
