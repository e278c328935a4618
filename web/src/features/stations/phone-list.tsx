// phone-list.tsx - The same list for a thumb: two lines a station, 66 high, virtualised too.
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useRef } from 'react';
import { StateIcon } from '@/components/icons/state-icon';
import { useNodeName } from '@/components/station/path';
import { faultWord, statusOf, stateWord } from '@/components/station/words';
import { LoadBar } from '@/components/ui/load-bar';
import { Measure } from '@/components/ui/measure';
import { current, power } from '@/format/units';
import { useLocale, useT } from '@/i18n/i18n';
import type { Milliamps } from '@/live/units';
import { useRow } from '@/live/react';
import { nameOf } from './columns';
import { Age } from './row';
import { barOf, highestPhase } from './scale';
import css from './phone-list.module.css';

const ROW_PX = 66;

interface PhoneListProps {
  readonly ids: readonly string[];
  readonly scaleMa: number;
  readonly onOpen: (id: string) => void;
}

export function PhoneList({ ids, scaleMa, onOpen }: PhoneListProps) {
  const t = useT();
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: ids.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => ids[index] ?? index,
    overscan: 6,
  });
  return (
    <div ref={scroller} className={css.scroller} tabIndex={-1}>
      <ul className={css.list} style={{ height: virtual.getTotalSize() }} aria-label={t('page.stations')}>
        {virtual.getVirtualItems().map((item) => {
          const id = ids[item.index];
          if (id === undefined) return null;
          return <PhoneRow key={item.key} id={id} top={item.start} scaleMa={scaleMa} onOpen={onOpen} />;
        })}
      </ul>
    </div>
  );
}

interface PhoneRowProps {
  readonly id: string;
  readonly top: number;
  readonly scaleMa: number;
  readonly onOpen: (id: string) => void;
}

const PhoneRow = memo(function PhoneRow({ id, top, scaleMa, onOpen }: PhoneRowProps) {
  const t = useT();
  const locale = useLocale();
  const station = useRow('stations', id);
  const node = useNodeName(station?.nodeId ?? null);
  const style = { transform: `translateY(${top}px)` };
  if (station === undefined) return <li className={css.row} style={style} />;
  const status = statusOf(station);
  const silent = station.state === 'offline' || station.state === 'unknown';
  const bar = barOf(station, scaleMa);
  const shown = !silent && station.transactionId !== null;
  return (
    <li className={css.row} style={style}>
      <button type="button" className={css.button} onClick={() => onOpen(id)} data-row={id}>
        <StateIcon state={station.state} status={status} size={22} />
        <span className={css.words}>
          <span className={css.first}>
            <b>{nameOf(station)}</b> <span className={css.node}>{node}</span>
          </span>
          <span className={css.second}>
            {faultWord(station.errorCode, t) ?? stateWord(station.state, status, t)}
            {station.driverName !== null && ` · ${station.driverName}`}
            {silent && station.asOfMs !== null && (
              <>
                {' · '}
                <Age ms={station.asOfMs} />
              </>
            )}
          </span>
        </span>
        {shown ? (
          <span className={css.values}>
            <Measure of={current(highestPhase(station) as Milliamps | null, locale)} className={css.amps} />
            <Measure of={power(station.powerW, locale)} className={css.power} />
            <LoadBar permille={bar.fill} tickPermille={bar.tick} tone={station.state === 'suspended' ? 'suspended' : 'charging'} className={css.bar} />
          </span>
        ) : (
          silent && <span className={css.dash}>—</span>
        )}
      </button>
    </li>
  );
});
