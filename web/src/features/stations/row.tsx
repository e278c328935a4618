// row.tsx - One row of the table. It reads its own station from the live store and renders again only when
// that station has changed; its age has a clock of its own.
import { clsx } from 'clsx';
import { memo } from 'react';
import { StateIcon } from '@/components/icons/state-icon';
import { useNodeName } from '@/components/station/path';
import { faultWord, statusOf, stateWord } from '@/components/station/words';
import { LoadBar } from '@/components/ui/load-bar';
import { age, duration, moment } from '@/format/time';
import { current, energy, power } from '@/format/units';
import { useLocale, useT } from '@/i18n/i18n';
import type { StationRow } from '@/live/model';
import { useLive, useRow, useServerNow } from '@/live/react';
import type { LiveState } from '@/live/reducer';
import type { UnixMs } from '@/live/units';
import { nameOf } from './columns';
import { barOf } from './scale';
import css from './table.module.css';

interface RowProps {
  readonly id: string;
  readonly index: number;
  readonly top: number;
  readonly scaleMa: number;
  readonly active: boolean;
  readonly open: boolean;
  readonly onOpen: (id: string) => void;
  readonly onActive: (index: number) => void;
}

const selectZone = (state: LiveState) => state.documents.complex?.zone ?? 'UTC';

export const Row = memo(function Row({ id, index, top, scaleMa, active, open, onOpen, onActive }: RowProps) {
  const station = useRow('stations', id);
  const common = {
    role: 'row',
    'aria-rowindex': index + 2,
    className: clsx(css.row, open && css.open),
    style: { transform: `translateY(${top}px)` },
    tabIndex: active ? 0 : -1,
    'data-row': id,
    'aria-selected': open,
    onFocus: () => onActive(index),
    onClick: () => onOpen(id),
  } as const;
  if (station === undefined) {
    return (
      <div {...common}>
        <span role="gridcell" className={css.cell} aria-colspan={12}>
          {id}
        </span>
      </div>
    );
  }
  return (
    <div {...common}>
      <Cells station={station} scaleMa={scaleMa} />
    </div>
  );
});

function Cells({ station, scaleMa }: { readonly station: StationRow; readonly scaleMa: number }) {
  const t = useT();
  const locale = useLocale();
  const node = useNodeName(station.nodeId);
  const status = statusOf(station);
  const fault = faultWord(station.errorCode, t);
  const silent = station.state === 'offline' || station.state === 'unknown';
  const bar = barOf(station, scaleMa);
  const tone = station.state === 'suspended' ? 'suspended' : 'charging';
  const live = clsx('num', 'live', station.stale && css.stale);
  return (
    <>
      <span role="gridcell" className={css.cell} title={fault ?? undefined}>
        <StateIcon state={station.state} status={status} />
        <span className={css.word}>{stateWord(station.state, status, t)}</span>
      </span>
      <span role="gridcell" className={clsx(css.cell, css.name)}>
        {nameOf(station)}
      </span>
      <span role="gridcell" className={clsx(css.cell, css.second)} title={node}>
        {node}
      </span>
      <span role="gridcell" className={css.cell}>
        <span className={clsx(live, css.power, (silent || station.powerW === null) && css.none)}>
          {power(silent ? null : station.powerW, locale).value}
        </span>
        <LoadBar permille={bar.fill} tickPermille={bar.tick} tone={tone} className={css.bar} />
      </span>
      {([0, 1, 2] as const).map((phase) => (
        <span key={phase} role="gridcell" className={clsx(css.cell, css.end, live)}>
          {silent ? '' : station.currentMa[phase] === null ? '·' : current(station.currentMa[phase], locale).value}
        </span>
      ))}
      <span role="gridcell" className={clsx(css.cell, css.end, live)}>
        {station.energyWh === null ? '' : energy(station.energyWh, locale).value}
      </span>
      <span role="gridcell" className={clsx(css.cell, css.end, 'num')}>
        {station.startedMs !== null && <Since ms={station.startedMs} />}
      </span>
      <span role="gridcell" className={clsx(css.cell, css.text)}>
        {station.driverName}
      </span>
      <span role="gridcell" className={clsx(css.cell, css.end, live)}>
        {station.limitMa === null ? '' : current(station.limitMa, locale).value}
      </span>
      <span role="gridcell" className={clsx(css.cell, css.end, 'num', (station.stale || silent) && css.old)}>
        {station.asOfMs !== null && <Age ms={station.asOfMs} />}
      </span>
    </>
  );
}

export function Since({ ms }: { readonly ms: UnixMs }) {
  return <>{duration(useServerNow() - ms)}</>;
}

export function Age({ ms }: { readonly ms: UnixMs }) {
  const locale = useLocale();
  const zone = useLive(selectZone);
  return <time title={moment(ms, zone, locale)}>{age(useServerNow() - ms, locale)}</time>;
}
