// wire.ts - Small checked reads of JSON values. A wrong type is an error with its place, so a server
// that says something else than docs/api.md is found at once and not three screens later.

export class WireError extends Error {
  constructor(place: string, wanted: string, got: unknown) {
    super(`${place}: expected ${wanted}, got ${JSON.stringify(got)?.slice(0, 60) ?? 'nothing'}`);
    this.name = 'WireError';
  }
}

export type Json = Readonly<Record<string, unknown>>;

export function object(value: unknown, place: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new WireError(place, 'an object', value);
  }
  return value as Json;
}

export function array(value: unknown, place: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new WireError(place, 'an array', value);
  return value;
}

export function string(value: unknown, place: string): string {
  if (typeof value !== 'string') throw new WireError(place, 'a text', value);
  return value;
}

export function boolean(value: unknown, place: string): boolean {
  if (typeof value !== 'boolean') throw new WireError(place, 'true or false', value);
  return value;
}

/** A whole number; the brand is the caller's. */
export function integer<N extends number = number>(value: unknown, place: string): N {
  if (!Number.isSafeInteger(value)) throw new WireError(place, 'a whole number', value);
  return value as N;
}

export function orNull<T>(read: (value: unknown, place: string) => T, value: unknown, place: string): T | null {
  return value === null || value === undefined ? null : read(value, place);
}

/** RFC 3339 text to milliseconds. */
export function time<N extends number = number>(value: unknown, place: string): N {
  const ms = Date.parse(string(value, place));
  if (Number.isNaN(ms)) throw new WireError(place, 'a time', value);
  return ms as N;
}
