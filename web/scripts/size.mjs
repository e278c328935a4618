// size.mjs - The budgets of the page, read from the build: a first visit to each route, the whole
// style, the fonts; and that nothing of the machine that built it went out. Fails above a budget.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const DIST = new URL('../dist', import.meta.url).pathname;
const MANIFEST = new URL('../node_modules/.cache/kilowatch/manifest.json', import.meta.url).pathname;

const KB = 1024;
const BUDGET = { first: 200 * KB, other: 60 * KB, css: 20 * KB, fonts: 70 * KB };
// The first route is Overview; what a visit to it loads is counted whole, of others what they add.
const FIRST_ROUTE = /features\/overview\/|locales\/ru/;

const manifest = JSON.parse(readFileSync(MANIFEST, 'utf8'));
const gzipBytes = (file) => {
  const packed = join(DIST, `${file}.gz`);
  return statSync(existsSync(packed) ? packed : join(DIST, file)).size;
};

function reachable(key, into = new Set()) {
  if (into.has(key)) return into;
  into.add(key);
  for (const next of manifest[key].imports ?? []) reachable(next, into);
  return into;
}

const entry = Object.keys(manifest).find((key) => manifest[key].isEntry);
const lazy = Object.keys(manifest).filter((key) => manifest[key].isDynamicEntry);
const first = new Set(reachable(entry));
for (const key of lazy.filter((name) => FIRST_ROUTE.test(name))) {
  reachable(key, first);
  // What the first page fetches lazily (its charts) it fetches at once; tests/e2e/budget.test.mjs looks at the wire.
  for (const part of manifest[key].dynamicImports ?? []) reachable(part, first);
}

const sum = (keys) => [...keys].reduce((total, key) => total + gzipBytes(manifest[key].file), 0);
const rows = [['first route, JS', sum(first), BUDGET.first]];
for (const key of lazy) {
  const extra = [...reachable(key)].filter((name) => !first.has(name));
  if (extra.length > 0) rows.push([`${key.replace('src/', '')}, JS`, sum(extra), BUDGET.other]);
}
const files = readdirSync(DIST, { recursive: true }).filter((name) => statSync(join(DIST, name)).isFile());
const total = (pattern, size) => files.filter((n) => pattern.test(n)).reduce((all, n) => all + size(n), 0);
rows.push(['all CSS', total(/\.css$/, gzipBytes), BUDGET.css]);
// The mono face is for codes and ids and never on the first route.
rows.push(['fonts of the first route', total(/^(?!.*mono).*\.woff2$/, (name) => statSync(join(DIST, name)).size), BUDGET.fonts]);

let failed = files.length === 0;
for (const [what, bytes, budget] of rows) {
  const over = bytes > budget;
  failed ||= over;
  console.log(`${(bytes / KB).toFixed(1).padStart(7)} of ${budget / KB} KB  ${what}${over ? '  OVER' : ''}`);
}
for (const name of files.filter((file) => file.endsWith('.map'))) {
  console.log(`a source map went out: ${name}`);
  failed = true;
}
process.exit(failed ? 1 : 0);
