// message-ids.mjs - The ids of the texts as a TypeScript type, from the English catalog; so a wrong id
// is a type error. `--check` fails when the written file is not fresh. `npm run messages` writes it.
import { readFileSync, writeFileSync } from 'node:fs';

const PO = new URL('../src/locales/en.po', import.meta.url);
const OUT = new URL('../src/locales/ids.ts', import.meta.url);

const ids = [...readFileSync(PO, 'utf8').matchAll(/^msgid "(.+)"$/gm)].map((match) => match[1]);
const text = `// ids.ts - Written by \`npm run messages\` from en.po: every id that a text may be asked by.
export type MessageId =
${ids.map((id) => `  | '${id}'`).join('\n')};
`;

if (process.argv.includes('--check')) {
  if (readFileSync(OUT, 'utf8') !== text) {
    console.error('src/locales/ids.ts is not fresh: npm run messages');
    process.exit(1);
  }
} else {
  writeFileSync(OUT, text);
}
