// attention.tsx - What needs somebody: stations with a fault, nodes at their limit, stations that are
// silent. Derived from the live rows; nothing is remembered here.
import { Link } from '@tanstack/react-router';
import { CircleCheck, Gauge } from 'lucide-react';
import type { ReactNode } from 'react';
import { StateIcon } from '@/components/icons/state-icon';
import { useNodeName } from '@/components/station/path';
import { faultWord } from '@/components/station/words';
import { Notice, Skeleton } from '@/components/ui/notice';
import { age } from '@/format/time';
import { percent } from '@/format/units';
import { useLocale, useT } from '@/i18n/i18n';
import { useLive, useRow, useServerNow } from '@/live/react';
import type { LiveState } from '@/live/reducer';
import css from './overview.module.css';

const NEAR_LIMIT = 900;
const LIMIT = 1000;
/** How many of each kind get a line of their own. */
const EACH_MAX = 4;

/** Kinds and ids in the order of their weight, as one text so that an equal list is an equal value. */
export function attentionOf(state: LiveState): string {
  const feedLost = state.documents.feed?.state === 'lost';
  const faulted: string[] = [];
  const silent: string[] = [];
  for (const station of state.tables.stations.values()) {
    if (station.state === 'faulted') faulted.push(`fault:${station.id}`);
    // While the feed is lost nobody is known: that is said once, by the headline.
    if (station.state === 'offline' || (station.state === 'unknown' && !feedLost)) silent.push(`silent:${station.id}`);
  }
  const loaded = [...state.tables.nodes.values()]
    .filter((node) => (node.ratio ?? 0) > NEAR_LIMIT)
    .toSorted((a, b) => (b.ratio ?? 0) - (a.ratio ?? 0));
  const over = loaded.filter((node) => (node.ratio ?? 0) >= LIMIT).map((node) => `over:${node.id}`);
  const near = loaded.filter((node) => (node.ratio ?? 0) < LIMIT).map((node) => `near:${node.id}`);
  return [...over, ...faulted.toSorted(), ...near, ...silent.toSorted()].join('|');
}

const selectLoading = (state: LiveState) =>
  state.views.stations?.status === 'loading' || state.views.stations === undefined;

export function Attention() {
  const t = useT();
  const list = useLive(attentionOf);
  const isLoading = useLive(selectLoading);
  const entries = list === '' ? [] : list.split('|');
  const of = (kind: string) => entries.filter((entry) => entry.startsWith(`${kind}:`)).map((entry) => entry.slice(kind.length + 1));
  const [over, faulted, near, silent] = [of('over'), of('fault'), of('near'), of('silent')];
  return (
    <section className={css.card} aria-labelledby="attention">
      <header className={css.cardHead}>
        <h2 className={css.cardTitle} id="attention">
          {t('attention.title')}
        </h2>
        {entries.length > 0 && <span className={`${css.cardNote} num`}>{entries.length}</span>}
      </header>
      {isLoading ? (
        <div className={css.waiting}>
          <Skeleton width="70%" />
          <Skeleton width="55%" />
        </div>
      ) : entries.length === 0 ? (
        <Notice icon={<CircleCheck size={18} aria-hidden />} title={t('attention.none')}>
          {t('attention.none-text')}
        </Notice>
      ) : (
        <ul className={css.attention}>
          {over.slice(0, EACH_MAX).map((id) => (
            <NodeEntry key={id} id={id} />
          ))}
          {faulted.slice(0, EACH_MAX).map((id) => (
            <StationEntry key={id} id={id} />
          ))}
          {faulted.length > EACH_MAX && (
            <Entry
              icon={<StateIcon state="faulted" />}
              title={t('attention.more-faults', { count: faulted.length - EACH_MAX })}
              detail={t('attention.more-faults-text')}
              search={{ state: 'faulted' }}
            />
          )}
          {near.slice(0, EACH_MAX).map((id) => (
            <NodeEntry key={id} id={id} />
          ))}
          {/* Many silent stations are one problem, and one line. */}
          {silent.length < EACH_MAX ? (
            silent.map((id) => <StationEntry key={id} id={id} />)
          ) : (
            <Entry
              icon={<StateIcon state="offline" />}
              title={t('attention.silent', { count: silent.length })}
              detail={t('attention.silent-text')}
              search={{ state: 'offline' }}
            />
          )}
        </ul>
      )}
    </section>
  );
}

interface EntryProps {
  readonly icon: ReactNode;
  readonly title: string;
  readonly detail: string;
  readonly since?: string | null;
  readonly search: Record<string, string>;
}

function Entry({ icon, title, detail, since, search }: EntryProps) {
  return (
    <li>
      <Link to="/stations" search={search} className={css.entry}>
        {icon}
        <span className={css.entryText}>
          <strong>{title}</strong>
          <span>{detail}</span>
        </span>
        {since != null && <span className={`${css.entryAge} num`}>{since}</span>}
      </Link>
    </li>
  );
}

function StationEntry({ id }: { readonly id: string }) {
  const t = useT();
  const locale = useLocale();
  const now = useServerNow();
  const station = useRow('stations', id);
  const place = useNodeName(station?.nodeId ?? null);
  if (station === undefined) return null;
  const fault = faultWord(station.errorCode, t) ?? t('state.faulted');
  return (
    <Entry
      icon={<StateIcon state={station.state} />}
      title={[station.name || station.id, place].filter(Boolean).join(' · ')}
      detail={station.state === 'faulted' ? fault : station.asOfMs === null ? t('attention.never') : t('state.offline')}
      since={station.asOfMs === null || station.state === 'faulted' ? null : age(now - station.asOfMs, locale)}
      search={{ open: station.id }}
    />
  );
}

function NodeEntry({ id }: { readonly id: string }) {
  const t = useT();
  const locale = useLocale();
  const node = useRow('nodes', id);
  const name = useNodeName(id);
  if (node === undefined) return null;
  const isOver = (node.ratio ?? 0) >= LIMIT;
  return (
    <Entry
      icon={<Gauge size={16} aria-hidden className={isOver ? css.over : css.near} />}
      title={t(isOver ? 'attention.over' : 'attention.near', { node: name, ratio: percent(node.ratio, locale) })}
      detail={t('attention.node-charging', { charging: node.charging, count: node.stations })}
      search={{ node: node.id }}
    />
  );
}
