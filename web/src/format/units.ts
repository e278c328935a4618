// units.ts - Physical values to text. Digits are Intl's; the unit words are ours, because Intl knows
// neither kilowatt nor ampere (it throws). Zero is "0", a value that was never reported is a dash.
//
// Between a number and its unit, and between thousands, stands U+00A0: U+202F is invisible in Inter.
import type { Locale } from '@/i18n/i18n';

export const NBSP = '\u00a0';
export const MINUS = '\u2212';
export const MISSING = '\u2014';

const UNIT_WORDS = {
  en: { kW: 'kW', kWh: 'kWh', A: 'A', s: 's', min: 'min', h: 'h', d: 'd' },
  ru: { kW: 'кВт', kWh: 'кВт·ч', A: 'А', s: 'с', min: 'мин', h: 'ч', d: 'сут' },
} as const;
export type Unit = keyof (typeof UNIT_WORDS)['en'];

export const unitWord = (unit: Unit, locale: Locale): string => UNIT_WORDS[locale][unit];

const formats = new Map<string, Intl.NumberFormat>();

/** Digits of a number with exactly so many decimals. */
export function digits(value: number, decimals: number, locale: Locale): string {
  const key = `${locale}${decimals}`;
  let format = formats.get(key);
  if (format === undefined) {
    format = new Intl.NumberFormat(locale === 'ru' ? 'ru-RU' : 'en-GB', {
      minimumFractionDigits: decimals,
      maximumFractionDigits: decimals,
    });
    formats.set(key, format);
  }
  // A value that rounds to nothing is not "minus nothing".
  const rounded = Number(value.toFixed(decimals));
  return format
    .format(rounded === 0 ? 0 : rounded)
    .replaceAll('\u202f', NBSP)
    .replace('-', MINUS);
}

/** Two decimals below 10, one below 100, none above: three figures that mean something. */
function figures(value: number, locale: Locale): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  return digits(value, size < 9.995 ? 2 : size < 99.95 ? 1 : 0, locale);
}

export type Measure = { readonly value: string; readonly unit: Unit | null };

const missing: Measure = { value: MISSING, unit: null };

export const power = (watts: number | null | undefined, locale: Locale): Measure =>
  watts == null ? missing : { value: figures(watts / 1000, locale), unit: 'kW' };

export const energy = (wattHours: number | null | undefined, locale: Locale): Measure =>
  wattHours == null ? missing : { value: figures(wattHours / 1000, locale), unit: 'kWh' };

export function current(milliamps: number | null | undefined, locale: Locale): Measure {
  if (milliamps == null) return missing;
  if (milliamps === 0) return { value: '0', unit: 'A' };
  return { value: digits(milliamps / 1000, Math.abs(milliamps) < 99_950 ? 1 : 0, locale), unit: 'A' };
}

export const count = (value: number, locale: Locale): string => digits(value, 0, locale);

/** Russian puts a space before the sign, English does not. */
export function percent(permille: number | null | undefined, locale: Locale): string {
  if (permille == null) return MISSING;
  return `${digits(permille / 10, 0, locale)}${locale === 'ru' ? NBSP : ''}%`;
}

/** "8.26 kW" in one text, for sentences and labels. */
export function text(measure: Measure, locale: Locale): string {
  return measure.unit === null ? measure.value : `${measure.value}${NBSP}${unitWord(measure.unit, locale)}`;
}
