// compress.mjs - After the build: a .br and a .gz beside each text file, so that the core needs no
// compressor; and the manifest goes out of what is served.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const DIST = new URL('../dist', import.meta.url).pathname;
const TEXT = /\.(js|css|html|svg|json|webmanifest)$/;
const WORTH_BYTES = 512;

const cache = new URL('../node_modules/.cache/kilowatch', import.meta.url).pathname;
mkdirSync(cache, { recursive: true });
renameSync(join(DIST, '.vite/manifest.json'), join(cache, 'manifest.json'));
rmSync(join(DIST, '.vite'), { recursive: true });

for (const name of readdirSync(DIST, { recursive: true })) {
  if (!TEXT.test(name)) continue;
  const path = join(DIST, name);
  const bytes = readFileSync(path);
  if (bytes.length < WORTH_BYTES) continue;
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
  writeFileSync(
    `${path}.br`,
    brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
  );
}
