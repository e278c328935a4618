// layers.mjs - The arrows of the page: who may import whom. Features never import each other, and
// what is below never looks up. Part of `npm run lint`.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

const ROOT = new URL('../src', import.meta.url).pathname;

// folder -> the folders it may use besides itself
const MAY = {
  locales: [],
  styles: [],
  i18n: ['locales'],
  format: ['i18n'],
  api: [],
  live: ['api'],
  components: ['i18n', 'format', 'live'],
  features: ['i18n', 'format', 'api', 'live', 'components'],
  app: ['i18n', 'format', 'api', 'live', 'components', 'features', 'styles'],
};

function* sources(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (/\.tsx?$/.test(entry.name)) yield path;
  }
}

const tierOf = (path) => path.split(sep)[0] ?? '';
const featureOf = (path) => (tierOf(path) === 'features' ? path.split(sep)[1] : undefined);

let faults = 0;
let files = 0;
for (const path of sources(ROOT)) {
  const from = relative(ROOT, path);
  files += 1;
  if (!(tierOf(from) in MAY)) continue; // main.tsx
  for (const [, target] of readFileSync(path, 'utf8').matchAll(/(?:from|import\()\s*'(@\/[^']+|\.[^']+)'/g)) {
    const to = target.startsWith('@/') ? target.slice(2) : relative(ROOT, join(path, '..', target));
    const tier = tierOf(to);
    if (tier === tierOf(from) && featureOf(to) === featureOf(from)) continue;
    if (MAY[tierOf(from)].includes(tier)) continue;
    console.error(`src/${from}: may not import ${target}`);
    faults += 1;
  }
}
console.log(`layers: ${files} files, ${faults} forbidden imports`);
process.exit(faults === 0 && files > 0 ? 0 : 1);
