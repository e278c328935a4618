// load-bar.tsx - A value against its limit on one track. Below 70 % it is grey, up to 90 % it has an
// amber edge, above that it is amber, at the limit red; not known is hatched, never empty.
import { clsx } from 'clsx';
import css from './load-bar.module.css';

export type LoadClass = 'normal' | 'edge' | 'high' | 'over' | 'unknown';

export function loadClass(permille: number | null): LoadClass {
  if (permille === null) return 'unknown';
  return permille >= 1000 ? 'over' : permille > 900 ? 'high' : permille >= 700 ? 'edge' : 'normal';
}

interface LoadBarProps {
  /** Value against the end of the track, in thousandths; null: not known. */
  readonly permille: number | null;
  /** A tick across the track, e.g. the limit of a station on the scale of its rating. */
  readonly tickPermille?: number | null;
  readonly tone?: 'load' | 'charging' | 'suspended';
  readonly height?: 4 | 5 | 6 | 8 | 10;
  readonly className?: string | undefined;
}

const place = (permille: number): string => `${Math.min(100, Math.max(0, permille / 10))}%`;

/** Decoration: the number always stands beside it as text. */
export function LoadBar({ permille, tickPermille, tone = 'load', height = 5, className }: LoadBarProps) {
  const kind = tone === 'load' || permille === null ? loadClass(permille) : tone;
  return (
    <span className={clsx(css.track, css[kind], className)} style={{ height }} data-load={kind} aria-hidden>
      {permille !== null && <span className={css.fill} style={{ width: place(permille) }} />}
      {tickPermille != null && <span className={css.tick} style={{ left: place(tickPermille) }} />}
    </span>
  );
}
