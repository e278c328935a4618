// messages.test.ts - Every text in both languages, none left over, and Russian as Russians say it.
import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { i18n, LOCALES, setLocale, translate, type Locale } from '@/i18n/i18n';
import type { MessageId } from '@/locales/ids';

function readPo(locale: Locale): Map<string, string> {
  const text = readFileSync(`src/locales/${locale}.po`, 'utf8');
  const entries = [...text.matchAll(/^msgid "(.+)"\nmsgstr "(.*)"$/gmu)];
  return new Map(entries.map(([, id = '', message = '']) => [id, message]));
}

const catalogs: Record<Locale, Map<string, string>> = { en: readPo('en'), ru: readPo('ru') };
const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.tsx?$/u.test(name) && !name.startsWith('locales/') && name !== 'format/cities.ts')
  .map((name) => readFileSync(`src/${name}`, 'utf8'))
  .join('\n');

const placeholders = (message: string): string[] =>
  [...message.matchAll(/\{(\w+)[,}]/gu)].map((match) => match[1] ?? '').toSorted();

describe('catalogs', () => {
  it('hold the same ids', () => {
    expect([...catalogs.ru.keys()]).toEqual([...catalogs.en.keys()]);
    expect(catalogs.en.size).toBeGreaterThan(100);
  });

  it.each(LOCALES)('%s: no text is empty', (locale) => {
    expect([...catalogs[locale]].filter(([, message]) => message.trim() === '')).toEqual([]);
  });

  it('every id is used by the sources', () => {
    expect([...catalogs.en.keys()].filter((id) => !sources.includes(`'${id}'`))).toEqual([]);
  });

  it('every id that the sources ask for exists', () => {
    const asked = [...sources.matchAll(/\bt(?:ranslate)?\('([^']+)'/gu)].map((match) => match[1] ?? '');
    expect(asked.length).toBeGreaterThan(50);
    expect(asked.filter((id) => !catalogs.en.has(id))).toEqual([]);
  });

  it('both languages use the same values', () => {
    const differing = [...catalogs.en].filter(
      ([id, message]) => placeholders(message).join() !== placeholders(catalogs.ru.get(id) ?? '').join(),
    );
    expect(differing).toEqual([]);
  });

  it('Russian is Russian: each text has Cyrillic letters, bar those that are only values', () => {
    const latin = [...catalogs.ru].filter(
      ([, message]) => /[A-Za-z]{3}/u.test(message.replaceAll(/\{[^{}]*\}/gu, '')) && !/[А-Яа-яЁё]/u.test(message),
    );
    expect(latin).toEqual([]);
  });

  it('Russian plurals have all four forms', () => {
    const plurals = [...catalogs.ru].filter(([, message]) => message.includes('plural,'));
    expect(plurals.length).toBeGreaterThan(4);
    for (const [id, message] of plurals) {
      for (const form of ['one', 'few', 'many', 'other']) expect(message, id).toContain(`${form} {`);
    }
  });
});

describe('texts that nobody shows as a literal', () => {
  it('no Russian and no long English text stands in the sources', () => {
    const code = sources.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gmu, '').replaceAll(/^.*UNIT_WORDS[\s\S]*?as const;/gmu, '');
    const cyrillic = code.split('\n').filter((line) => /[А-Яа-яЁё]/u.test(line));
    expect(cyrillic.filter((line) => !/ru: \{ kW|LOCALE_NAME|'ё'/u.test(line))).toEqual([]);
    const words = [...code.matchAll(/>\s*([A-Za-z][a-z]+ [a-z]+[^<>{}]*)</gu)].map((match) => match[1]);
    expect(words).toEqual([]);
  });
});

describe('Russian plurals', () => {
  beforeAll(() => setLocale('ru'));

  it.each([
    [0, '0 станций'],
    [1, '1 станция'],
    [2, '2 станции'],
    [5, '5 станций'],
    [11, '11 станций'],
    [21, '21 станция'],
    [102, '102 станции'],
    [1.5, '1,5 станции'],
  ])('%d', (count, text) => {
    expect(translate('stations.count', { count })).toBe(text);
  });

  it.each([
    [1, '20 из 1 станции на связи'],
    [2, '20 из 2 станций на связи'],
    [21, '20 из 21 станции на связи'],
    [500, '20 из 500 станций на связи'],
  ])('of %d', (total, text) => {
    expect(translate('overview.reporting', { reporting: 20, total })).toBe(text);
  });
});

describe('languages', () => {
  it('switch without a reload, and the document says which', async () => {
    await setLocale('en');
    expect(translate('page.stations')).toBe('Stations');
    expect(document.documentElement.lang).toBe('en');
    await setLocale('ru');
    expect(translate('page.stations')).toBe('Станции');
    expect(document.documentElement.lang).toBe('ru');
  });

  it('a missing text is loud', () => {
    expect(i18n._('nobody.wrote-this' as MessageId)).toBe('⟦nobody.wrote-this⟧');
  });
});
