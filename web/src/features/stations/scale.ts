// scale.ts - One ampere scale for the bars of the whole column: fill is the highest phase, the tick is the
// limit. The scale is the smallest of the usual ratings that holds everything in sight.
import type { StationRow } from '@/live/model';
import { permilleOf } from '@/components/station/load';

const RATINGS_MA = [32_000, 63_000, 125_000, 250_000, 400_000, 630_000];

export const highestPhase = ({ currentMa }: StationRow): number | null => {
  const known = currentMa.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
};

export function scaleOf(stations: Iterable<StationRow>): number {
  let most = 0;
  for (const station of stations) most = Math.max(most, highestPhase(station) ?? 0, station.limitMa ?? 0);
  return RATINGS_MA.find((rating) => rating >= most) ?? most;
}

export function barOf(station: StationRow, scaleMa: number): { fill: number | null; tick: number | null } {
  const silent = station.state === 'offline' || station.state === 'unknown';
  if (silent) return { fill: null, tick: null };
  return {
    // Nothing reported while nothing charges is an empty track, not an unknown load.
    fill: permilleOf(highestPhase(station), scaleMa) ?? (station.transactionId === null ? 0 : null),
    tick: station.transactionId === null ? null : permilleOf(station.limitMa, scaleMa),
  };
}
