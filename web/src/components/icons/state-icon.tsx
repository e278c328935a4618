// state-icon.tsx - One shape a state: a ring, a bolt, a car... Colour only comes along; the shape alone
// must do, for an eye that sees no colour and for paper.
import { Car, CircleMinus, CirclePause, Clock, Flag, OctagonPause } from 'lucide-react';
import type { ReactNode } from 'react';
import type { State } from '@/live/model';
import css from './state-icon.module.css';

export type Tone = 'available' | 'occupied' | 'charging' | 'suspended' | 'faulted' | 'offline';

export const TONE: Readonly<Record<State, Tone>> = {
  available: 'available',
  preparing: 'occupied',
  finishing: 'occupied',
  reserved: 'occupied',
  charging: 'charging',
  suspended: 'suspended',
  faulted: 'faulted',
  unavailable: 'offline',
  offline: 'offline',
  unknown: 'offline',
};

interface ShapeProps {
  readonly size: number;
}

const Drawn = ({ size, children }: ShapeProps & { readonly children: ReactNode }) => (
  <svg width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="2" aria-hidden>
    {children}
  </svg>
);

const Ring = ({ size }: ShapeProps) => (
  <Drawn size={size}>
    <circle cx="12" cy="12" r="8" />
  </Drawn>
);

const Bolt = ({ size }: ShapeProps) => (
  <Drawn size={size}>
    <path d="M13.5 2 4.5 14H11l-1.2 8 9.7-12.5h-6.8z" fill="currentColor" stroke="none" />
  </Drawn>
);

const Triangle = ({ size }: ShapeProps) => (
  <Drawn size={size}>
    <path d="M12 3.2 22 20.5H2z" fill="currentColor" strokeLinejoin="round" />
    <path d="M12 9.5v5M12 17.4v.2" className={css.onSolid} strokeLinecap="round" strokeWidth="2.2" />
  </Drawn>
);

const Dashed = ({ size, children }: ShapeProps & { readonly children: ReactNode }) => (
  <Drawn size={size}>
    <circle cx="12" cy="12" r="9" strokeDasharray="3.6 2.9" />
    {children}
  </Drawn>
);

const Cross = ({ size }: ShapeProps) => (
  <Dashed size={size}>
    <path d="m9 9 6 6m0-6-6 6" strokeLinecap="round" />
  </Dashed>
);

const Question = ({ size }: ShapeProps) => (
  <Dashed size={size}>
    <path d="M9.8 9.6a2.3 2.3 0 1 1 3.4 2c-.8.5-1.2.9-1.2 1.7M12 16.2v.2" strokeLinecap="round" />
  </Dashed>
);

const SHAPE: Readonly<Record<State, (props: ShapeProps) => ReactNode>> = {
  available: Ring,
  preparing: ({ size }) => <Car size={size} aria-hidden />,
  finishing: ({ size }) => <Flag size={size} aria-hidden />,
  reserved: ({ size }) => <Clock size={size} aria-hidden />,
  charging: Bolt,
  suspended: ({ size }) => <CirclePause size={size} aria-hidden />,
  faulted: Triangle,
  unavailable: ({ size }) => <CircleMinus size={size} aria-hidden />,
  offline: Cross,
  unknown: Question,
};

export interface StateIconProps {
  readonly state: State;
  /** The OCPP word, where it says more than the state: who paused the charging. */
  readonly status?: string | null;
  readonly size?: number;
}

export function StateIcon({ state, status, size = 16 }: StateIconProps) {
  const Shape = SHAPE[state];
  return (
    <span className={css[TONE[state]]} data-state={state}>
      {status === 'SuspendedEVSE' ? <OctagonPause size={size} aria-hidden /> : <Shape size={size} />}
    </span>
  );
}
