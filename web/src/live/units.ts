// units.ts - Physical values carry their unit in the type, so that amperes never meet milliamperes.
// Only decode.ts makes them; everybody else reads, compares and shows.

export type Watts = number & { readonly unit: 'W' };
export type WattHours = number & { readonly unit: 'Wh' };
export type Milliamps = number & { readonly unit: 'mA' };
export type Permille = number & { readonly unit: 'permille' };
export type Percent = number & { readonly unit: '%' };
/** Milliseconds since 1970 on the server's clock. */
export type UnixMs = number & { readonly unit: 'ms since 1970' };
/** One value a phase; null where it was never reported. */
export type PhaseMa = readonly [Milliamps | null, Milliamps | null, Milliamps | null];
