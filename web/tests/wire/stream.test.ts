// stream.test.ts - The samples of stream entries keep the shape of the contract: flat texts, one JSON
// detail, numbers in decimal. What they mean is checked by tests/unit/feed/wire_test.c.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface Entry {
  name: string;
  stream: 'ev' | 'mv';
  fields: string[];
  read: Record<string, unknown>;
}
const { entries } = JSON.parse(readFileSync('../tests/wire/stream.json', 'utf8')) as { entries: Entry[] };

const FIXED = ['v', 'n', 'type', 'cs', 'ts', 'rts'];

describe('stream entries', () => {
  it.each(entries)('$name', ({ stream, fields, read }) => {
    expect(fields.length % 2).toBe(0);
    expect(fields.every((field) => typeof field === 'string')).toBe(true);
    const entry = Object.fromEntries(fields.flatMap((name, at) => (at % 2 === 0 ? [[name, fields[at + 1]]] : [])));
    expect(Object.keys(entry)).toEqual(expect.arrayContaining(FIXED));
    for (const name of ['n', 'ts', 'rts']) expect(entry[name], name).toMatch(/^[1-9][0-9]*$/u);
    expect(/[:|\p{Cc}]/u.test(entry['cs'] ?? ''), 'an identity without separators').toBe(false);
    expect(JSON.parse(entry['d'] ?? '')).toBeTypeOf('object');
    expect(stream === 'mv').toBe(['meter.values', 'node.meter'].includes(entry['type'] ?? ''));
    expect(Object.keys(read)).toContain('station');
  });
});
