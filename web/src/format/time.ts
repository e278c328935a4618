// time.ts - Ages, durations and clock times. Ages are short and round down; clock times are in the zone
// of the complex, not of the browser.
import type { Locale } from '@/i18n/i18n';
import { CITY_RU } from './cities';
import { digits, NBSP, unitWord, type Unit } from './units';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** "12 s", "8 min", "3 h", "2 d". A clock that is a little ahead makes no negative ages. */
export function age(ms: number, locale: Locale): string {
  const [size, unit]: [number, Unit] =
    ms < MINUTE ? [SECOND, 's'] : ms < HOUR ? [MINUTE, 'min'] : ms < 2 * DAY ? [HOUR, 'h'] : [DAY, 'd'];
  return `${digits(Math.floor(Math.max(0, ms) / size), 0, locale)}${NBSP}${unitWord(unit, locale)}`;
}

/** Delay of the feed: tenths of a second while they matter. */
export function lag(ms: number, locale: Locale): string {
  if (ms >= 9950) return age(ms, locale);
  return `${digits(Math.max(0, ms) / SECOND, 1, locale)}${NBSP}${unitWord('s', locale)}`;
}

const two = (value: number): string => String(value).padStart(2, '0');

/** "02:30": hours and minutes of a running session. */
export function duration(ms: number): string {
  const minutes = Math.floor(Math.max(0, ms) / MINUTE);
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

const intlLocale = (locale: Locale): string => (locale === 'ru' ? 'ru-RU' : 'en-GB');

/** "Tue 17 November, 14:32" */
export function dayAndTime(ms: number, zone: string, locale: Locale): string {
  const format = new Intl.DateTimeFormat(intlLocale(locale), {
    weekday: 'short',
    day: 'numeric',
    month: 'long',
    hour: '2-digit',
    minute: '2-digit',
    timeZone: zone,
  });
  const part = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]));
  return `${part['weekday']} ${part['day']} ${part['month']}, ${part['hour']}:${part['minute']}`;
}

export function clock(ms: number, zone: string, locale: Locale): string {
  return new Intl.DateTimeFormat(intlLocale(locale), { hour: '2-digit', minute: '2-digit', timeZone: zone }).format(ms);
}

/** Whole moment, for tooltips. */
export function moment(ms: number, zone: string, locale: Locale): string {
  return new Intl.DateTimeFormat(intlLocale(locale), {
    dateStyle: 'medium',
    timeStyle: 'medium',
    timeZone: zone,
  }).format(ms);
}

/** "Europe/Moscow" to "Moscow" or "Москва": the city is what people call their time by. */
export function zoneCity(zone: string, locale: Locale): string {
  const city = (zone.split('/').at(-1) ?? zone).replaceAll('_', ' ');
  return locale === 'ru' ? (CITY_RU[city] ?? city) : city;
}
