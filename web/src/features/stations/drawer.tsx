// drawer.tsx - A glance at one station beside the list: what it does, for whom, and each connector. The
// list stays usable; Esc closes, and in the list j and k walk with the drawer open.
import { Dialog } from '@base-ui/react/dialog';
import { useQuery } from '@tanstack/react-query';
import { X } from 'lucide-react';
import type { ReactNode } from 'react';
import { stationQuery } from '@/api/stations';
import { StateIcon } from '@/components/icons/state-icon';
import { permilleOf } from '@/components/station/load';
import { useNodeName } from '@/components/station/path';
import { faultWord, statusOf, stateWord } from '@/components/station/words';
import { Button } from '@/components/ui/button';
import { LoadBar } from '@/components/ui/load-bar';
import { Measure } from '@/components/ui/measure';
import { current, digits, energy, NBSP, power } from '@/format/units';
import { useLocale, useT } from '@/i18n/i18n';
import type { ConnectorRow, StationRow } from '@/live/model';
import { useRow } from '@/live/react';
import { nameOf } from './columns';
import { Age, Since } from './row';
import css from './drawer.module.css';

interface DrawerProps {
  readonly id: string | undefined;
  readonly onClose: () => void;
}

export function StationDrawer({ id, onClose }: DrawerProps) {
  const t = useT();
  return (
    <Dialog.Root
      open={id !== undefined}
      onOpenChange={(open) => !open && onClose()}
      modal={false}
      disablePointerDismissal
    >
      <Dialog.Portal>
        <Dialog.Popup className={css.drawer} initialFocus={false} finalFocus={false}>
          {id !== undefined && <Content id={id} />}
          <Dialog.Close render={<Button look="quiet" icon className={css.close} aria-label={t('drawer.close')} />}>
            <X size={18} aria-hidden />
          </Dialog.Close>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Content({ id }: { readonly id: string }) {
  const t = useT();
  const station = useRow('stations', id);
  const node = useNodeName(station?.nodeId ?? null);
  if (station === undefined) {
    return (
      <>
        <Dialog.Title className={css.title}>{id}</Dialog.Title>
        <Dialog.Description className={css.path}>{t('drawer.gone')}</Dialog.Description>
      </>
    );
  }
  const status = statusOf(station);
  const name = nameOf(station);
  return (
    <>
      <Dialog.Title className={css.title}>{name}</Dialog.Title>
      <Dialog.Description className={css.path}>
        {[node, name === station.id ? null : station.id].filter(Boolean).join(' · ') || NBSP}
      </Dialog.Description>
      <p className={css.state} data-testid="drawer-state">
        <StateIcon state={station.state} status={status} size={18} />
        {stateWord(station.state, status, t)}
        {station.asOfMs !== null && (
          <span className={css.age}>
            <Age ms={station.asOfMs} />
          </span>
        )}
      </p>
      <Fault code={station.errorCode} />
      <Figures station={station} />
      <h3 className={css.section}>{t('drawer.phases')}</h3>
      <Phases currentMa={station.currentMa} limitMa={station.limitMa} />
      <h3 className={css.section}>{t('drawer.connectors')}</h3>
      <ul>
        {station.connectors.map((connector) => (
          <Connector key={connector.id} connector={connector} />
        ))}
      </ul>
      <About id={station.id} />
    </>
  );
}

/** Not live, and not worth a word when it is not there: the rest of the drawer stands without it. */
function About({ id }: { readonly id: string }) {
  const t = useT();
  const { data } = useQuery(stationQuery(id));
  if (data === undefined) return null;
  const model = [data.vendor, data.model].filter(Boolean).join(' ');
  return (
    <>
      <h3 className={css.section}>{t('drawer.about')}</h3>
      <dl className={css.about}>
        <Figure title={t('drawer.identity')}>{data.id}</Figure>
        <Figure title={t('drawer.model')}>{model || '—'}</Figure>
        <Figure title={t('drawer.firmware')}>{data.firmware ?? '—'}</Figure>
      </dl>
    </>
  );
}

function Fault({ code }: { readonly code: string | null }) {
  const t = useT();
  const word = faultWord(code, t);
  return word === null ? null : <p className={css.fault}>{word}</p>;
}

function Figure({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <div>
      <dt>{title}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Figures({ station }: { readonly station: StationRow }) {
  const t = useT();
  const locale = useLocale();
  const silent = station.state === 'offline' || station.state === 'unknown';
  const powerW = silent ? null : station.powerW;
  return (
    <dl className={css.figures}>
      <Figure title={t('drawer.power')}>
        <Measure of={power(powerW, locale)} className={powerW === null ? undefined : css.big} />
      </Figure>
      <Figure title={t('drawer.limit')}>
        <Measure of={current(station.limitMa, locale)} className={station.limitMa === null ? undefined : css.big} />
      </Figure>
      <Figure title={t('drawer.energy')}>
        <Measure of={energy(station.energyWh, locale)} />
      </Figure>
      <Figure title={t('drawer.time')}>
        <span className="num">{station.startedMs === null ? '—' : <Since ms={station.startedMs} />}</span>
      </Figure>
      <Figure title={t('drawer.driver')}>{station.driverName ?? '—'}</Figure>
      <Figure title={t('drawer.offered')}>
        <Measure of={current(station.offeredMa, locale)} />
      </Figure>
    </dl>
  );
}

const PHASE_SCALE_MA = 32_000;

function Phases({ currentMa, limitMa }: Pick<StationRow, 'currentMa' | 'limitMa'>) {
  const locale = useLocale();
  const scale = Math.max(PHASE_SCALE_MA, limitMa ?? 0, ...currentMa.map((value) => value ?? 0));
  return (
    <dl className={css.phases}>
      {([0, 1, 2] as const).map((phase) => (
        <div key={phase}>
          <dt>L{phase + 1}</dt>
          <dd>
            <LoadBar
              permille={permilleOf(currentMa[phase], scale) ?? 0}
              tickPermille={permilleOf(limitMa, scale)}
              tone="charging"
              height={10}
            />
            <Measure of={current(currentMa[phase], locale)} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Connector({ connector }: { readonly connector: ConnectorRow }) {
  const t = useT();
  const locale = useLocale();
  const fault = faultWord(connector.errorCode, t);
  return (
    <li className={css.connector}>
      <span className={`${css.number} num`}>{connector.id}</span>
      <StateIcon state={connector.state} status={connector.status} />
      <span className={css.words}>
        {stateWord(connector.state, connector.status, t)}
        {fault !== null && <span className={css.note}>{fault}</span>}
        {connector.keyUid !== null && <span className={css.note}>{t('drawer.card', { uid: connector.keyUid })}</span>}
      </span>
      {connector.socPct !== null && (
        <span className="num live">
          {digits(connector.socPct, 0, locale)}
          {locale === 'ru' ? NBSP : ''}%
        </span>
      )}
      <Measure of={power(connector.powerW, locale)} className={css.watts} />
    </li>
  );
}
