// load.ts - How close something is to its limit, and in which measure to say it.
import type { Milliamps, Permille, PhaseMa, Watts } from '@/live/units';

interface Loaded {
  readonly powerW: Watts | null;
  readonly currentMa: PhaseMa;
  readonly limitMa: PhaseMa;
  readonly limitW: Watts | null;
}

export const permilleOf = (value: number | null, limit: number | null): Permille | null =>
  value === null || limit === null || limit <= 0 ? null : (Math.round((value * 1000) / limit) as Permille);

/** The phase that is closest to its limit; without limits the highest. */
export function worstPhase({ currentMa, limitMa }: Loaded): { currentMa: Milliamps; limitMa: Milliamps | null } | null {
  let worst: { currentMa: Milliamps; limitMa: Milliamps | null } | null = null;
  for (const phase of [0, 1, 2] as const) {
    const current = currentMa[phase];
    const limit = limitMa[phase];
    if (current === null) continue;
    const size = permilleOf(current, limit) ?? current / 1e9;
    const before = worst === null ? -1 : (permilleOf(worst.currentMa, worst.limitMa) ?? worst.currentMa / 1e9);
    if (size > before) worst = { currentMa: current, limitMa: limit };
  }
  return worst;
}

/** Power against its limit or the worst phase against its own, whichever is closer. */
export function ratioOf(load: Loaded): Permille | null {
  const phase = worstPhase(load);
  const ratios = [
    permilleOf(load.powerW, load.limitW),
    phase === null ? null : permilleOf(phase.currentMa, phase.limitMa),
  ].filter((ratio) => ratio !== null);
  return ratios.length === 0 ? null : (Math.max(...ratios) as Permille);
}
