// tile.tsx - One station as a small place on a wall: its number, what it does, its kilowatts. It never moves
// and never grows; only its fill and its number change.
import { clsx } from 'clsx';
import { memo } from 'react';
import { StateIcon, TONE } from '@/components/icons/state-icon';
import { digits, power, text } from '@/format/units';
import { useLocale, useT } from '@/i18n/i18n';
import { useRowEachSecond } from '@/live/react';
import css from './tile.module.css';
import { stateWord, statusOf } from './words';

interface TileProps {
  readonly id: string;
  readonly label: string;
  /** Not what the filter looks for: it keeps its place and goes pale. */
  readonly dim: boolean;
  readonly open: boolean;
  readonly onOpen: (id: string) => void;
}

export const StationTile = memo(function StationTile({ id, label, dim, open, onOpen }: TileProps) {
  const t = useT();
  const locale = useLocale();
  const station = useRowEachSecond('stations', id);
  if (station === undefined) return <span className={css.tile} />;
  const { state, powerW } = station;
  const status = statusOf(station);
  const draws = (state === 'charging' || state === 'suspended') && powerW !== null;
  const words = [station.name || id, stateWord(state, status, t), draws && text(power(powerW, locale), locale), station.driverName];
  const told = words.filter(Boolean).join(' · ');
  return (
    <button
      type="button"
      className={clsx(css.tile, css[TONE[state]], css[state], dim && css.dim, open && css.open, station.stale && css.stale)}
      data-tile={id}
      data-state={state}
      tabIndex={-1}
      aria-label={told}
      title={told}
      onClick={() => onOpen(id)}
    >
      <span className={clsx(css.label, 'num')}>{label}</span>
      <StateIcon state={state} status={status} size={12} />
      {draws && (
        <span className={clsx(css.power, 'num', 'live')}>
          {powerW === 0 ? '0' : digits(powerW / 1000, powerW < 99_950 ? 1 : 0, locale)}
        </span>
      )}
    </button>
  );
});
