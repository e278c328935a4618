// attention.tsx - What needs somebody: stations with a fault, nodes at their limit, stations that are
// silent. Derived from the live rows; nothing is remembered here.
import { Link } from '@tanstack/react-router';
import { CircleCheck, Gauge } from 'lucide-react';
import type { ReactNode } from 'react';
import { StateIcon } from '@/components/icons/state-icon';
import { faultWord } from '@/components/station/words';
import { Notice, Skeleton } from '@/components/ui/notice';
import { age } from '@/format/time';
import { percent } from '@/format/units';
import { useLocale, useT } from '@/i18n/i18n';
import { useLive, useRow, useServerNow } from '@/live/react';
import type { LiveState } from '@/live/reducer';
import css from './overview.module.css';

const ROWS_MAX = 7;
const NEAR_LIMIT = 900;

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
    .toSorted((a, b) => (b.ratio ?? 0) - (a.ratio ?? 0))
    .map((node) => `node:${node.id}`);
  return [...faulted.toSorted(), ...loaded, ...silent.toSorted()].join('|');
}

const selectLoading = (state: LiveState) =>
  state.views.stations?.status === 'loading' || state.views.stations === undefined;

export function Attention() {
  const t = useT();
  const list = useLive(attentionOf);
  const isLoading = useLive(selectLoading);
  const entries = list === '' ? [] : list.split('|');
  const silent = entries.filter((entry) => entry.startsWith('silent:')).length;
  // Many silent stations are one problem, and one line.
  const rows = entries.filter((entry) => silent <= 3 || !entry.startsWith('silent:')).slice(0, ROWS_MAX);
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
          {rows.map((entry) => {
            const [kind, id] = [entry.slice(0, entry.indexOf(':')), entry.slice(entry.indexOf(':') + 1)];
            return kind === 'node' ? <NodeEntry key={entry} id={id} /> : <StationEntry key={entry} id={id} />;
          })}
          {silent > 3 && (
            <Entry icon={<StateIcon state="offline" />} title={t('attention.silent', { count: silent })} detail={t('attention.silent-text')} search={{ state: 'offline' }} />
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
  const node = useRow('nodes', station?.nodeId ?? '');
  if (station === undefined) return null;
  const fault = faultWord(station.errorCode, t) ?? t('state.faulted');
  return (
    <Entry
      icon={<StateIcon state={station.state} />}
      title={[station.name || station.id, node?.name].filter(Boolean).join(' · ')}
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
  if (node === undefined) return null;
  const isOver = (node.ratio ?? 0) >= 1000;
  return (
    <Entry
      icon={<Gauge size={16} aria-hidden className={isOver ? css.over : css.near} />}
      title={t(isOver ? 'attention.over' : 'attention.near', { node: node.name, ratio: percent(node.ratio, locale) })}
      detail={t('attention.node-charging', { charging: node.charging, count: node.stations })}
      search={{ node: node.id }}
    />
  );
}
