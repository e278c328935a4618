// units.test.ts - Numbers as people read them, in both languages.
import { describe, expect, it } from 'vitest';
import { age, clock, dayAndTime, duration, lag, zoneCity } from '@/format/time';
import { current, energy, percent, power, text } from '@/format/units';

const kw = (watts: number | null, locale: 'en' | 'ru' = 'en') => text(power(watts, locale), locale);

describe('power and energy', () => {
  it.each([
    [null, '—'],
    [0, '0\u00a0kW'],
    [450, '0.45\u00a0kW'],
    [8256, '8.26\u00a0kW'],
    [9996, '10.0\u00a0kW'],
    [22_040, '22.0\u00a0kW'],
    [99_960, '100\u00a0kW'],
    [1_286_400, '1,286\u00a0kW'],
    [-7360, '\u22127.36\u00a0kW'],
  ])('%s W', (watts, shown) => expect(kw(watts)).toBe(shown));

  it('Russian: comma, own units, no breaking space anywhere', () => {
    expect(kw(8256, 'ru')).toBe('8,26\u00a0кВт');
    expect(kw(1_286_400, 'ru')).toBe('1\u00a0286\u00a0кВт');
    expect(text(energy(9_842_300, 'ru'), 'ru')).toBe('9\u00a0842\u00a0кВт·ч');
    expect(text(current(1_902_000, 'ru'), 'ru')).toBe('1\u00a0902\u00a0А');
  });

  it('a value that rounds to nothing is not minus nothing', () => {
    expect(kw(-2)).toBe('0.00\u00a0kW');
  });
});

it('current has one decimal until it is large', () => {
  expect(current(16_040, 'en').value).toBe('16.0');
  expect(current(99_960, 'en').value).toBe('100');
  expect(current(0, 'en').value).toBe('0');
  expect(current(null, 'en')).toEqual({ value: '—', unit: null });
});

it('percent stands off in Russian only', () => {
  expect(percent(643, 'en')).toBe('64%');
  expect(percent(643, 'ru')).toBe('64\u00a0%');
  expect(percent(null, 'ru')).toBe('—');
});

describe('time', () => {
  it.each([
    [-500, '0\u00a0s'],
    [12_900, '12\u00a0s'],
    [59_999, '59\u00a0s'],
    [480_000, '8\u00a0min'],
    [7_200_000, '2\u00a0h'],
    [172_800_000, '2\u00a0d'],
  ])('age of %d ms', (ms, shown) => expect(age(ms, 'en')).toBe(shown));

  it('lag tells tenths while they matter', () => {
    expect(lag(420, 'ru')).toBe('0,4\u00a0с');
    expect(lag(42_000, 'ru')).toBe('42\u00a0с');
  });

  it('duration of a session', () => {
    expect(duration(9_030_000)).toBe('02:30');
    expect(duration(100 * 3_600_000)).toBe('100:00');
  });

  it("clock times are those of the complex, also on the day of the clocks' change", () => {
    const summer = Date.UTC(2026, 9, 25, 0, 30); // 02:30 in Berlin, an hour before the change
    expect(clock(summer, 'Europe/Berlin', 'en')).toBe('02:30');
    expect(clock(summer + 3_600_000, 'Europe/Berlin', 'en')).toBe('02:30');
    expect(dayAndTime(Date.UTC(2026, 10, 17, 11, 32), 'Europe/Moscow', 'ru')).toBe('вт 17 ноября, 14:32');
    expect(dayAndTime(Date.UTC(2026, 10, 17, 14, 32), 'Europe/London', 'en')).toBe('Tue 17 November, 14:32');
  });

  it('zones by their city', () => {
    expect(zoneCity('Europe/Moscow', 'en')).toBe('Moscow');
    expect(zoneCity('Europe/Moscow', 'ru')).toBe('Москва');
    expect(zoneCity('UTC', 'ru')).toBe('UTC');
    expect(zoneCity('America/New_York', 'en')).toBe('New York');
  });
});
