// page.tsx - /stations: every station of the complex, live. What is filtered, how it is ordered and which
// one is open stand in the address.
import { EvCharger, LayoutGrid, Pause, Rows3, Search, SearchX, X } from 'lucide-react';
import { useCallback, useEffect, useState } from 'react';
import { useSession } from '@/api/session';
import { useNodeName } from '@/components/station/path';
import type { Group } from '@/components/station/words';
import { GROUP_WORD } from '@/components/station/words';
import { Button } from '@/components/ui/button';
import { Notice, Skeleton } from '@/components/ui/notice';
import { Segmented } from '@/components/ui/segmented';
import { NARROW, PHONE, useMedia } from '@/components/use-media';
import { useTitle } from '@/components/use-title';
import { count, energy, power, text as measureText } from '@/format/units';
import { useLocale, useT } from '@/i18n/i18n';
import { useLive, useTopic } from '@/live/react';
import type { LiveState } from '@/live/reducer';
import { StationDrawer } from './drawer';
import { FacetChips, Facets, FacetLine } from './facets';
import { filterStations, sumUp, type Filter } from './filter';
import { PhoneList } from './phone-list';
import { scaleOf } from './scale';
import { readGroups, readSort, TILE_SIZES, writeGroups, writeSort, type StationsSearch } from './search';
import css from './stations.module.css';
import { StationsTable } from './table';
import { useList } from './use-list';
import { StationsWall } from './wall';

interface StationsPageProps {
  readonly search: StationsSearch;
  /** Changes of the address; `replace` keeps typing out of the history. */
  readonly onSearch: (change: Partial<StationsSearch>, replace?: boolean) => void;
}

const selectTotal = (state: LiveState) => state.tables.stations.size;
const selectIsLoading = (state: LiveState) => {
  const view = state.views.stations;
  return view === undefined || view.status === 'loading';
};
const selectScale = (state: LiveState) => scaleOf(state.tables.stations.values());

export function StationsPage({ search, onSearch }: StationsPageProps) {
  const t = useT();
  const session = useSession();
  const isPhone = useMedia(PHONE);
  const isNarrow = useMedia(NARROW);
  const [held, setHeld] = useState(false);
  useTopic('stations');
  useTopic('nodes');
  useTitle(t('page.stations'), session?.complex.name);

  const view = isPhone ? 'table' : (search.view ?? 'table');
  const size = search.size ?? 's';
  const groups = readGroups(search.state);
  const text = search.q ?? '';
  const nodeId = search.node;
  const scope = { text, nodeId };
  const sort = readSort(search.sort);
  // The wall has an order of its own: the list's rests meanwhile.
  const ids = useList({ groups, text, nodeId, sort, held: view === 'wall' || (held && !isPhone) });
  const total = useLive(selectTotal);
  const isLoading = useLive(selectIsLoading);
  const scaleMa = useLive(selectScale);

  const onGroups = (next: readonly Group[]) => onSearch({ state: writeGroups(next) });
  const onOpen = useCallback((id: string | undefined) => onSearch({ open: id }, true), [onSearch]);
  const clear = () => onSearch({ state: undefined, q: undefined, node: undefined });

  return (
    <div className={css.page}>
      {!isNarrow && view === 'table' && <Facets groups={groups} scope={scope} onGroups={onGroups} />}
      <section className={css.list} aria-label={t('page.stations')}>
        <header className={css.head}>
          <h1 className={view === 'wall' ? 'sr-only' : css.title}>{t('page.stations')}</h1>
          {view === 'wall' ? (
            <FacetLine groups={groups} scope={scope} onGroups={onGroups} />
          ) : (
            <Counted shown={ids.length} total={total} />
          )}
          {nodeId !== undefined && <NodeTag nodeId={nodeId} onRemove={() => onSearch({ node: undefined })} />}
          {!isNarrow && view === 'table' && groups.map((group) => (
            <button key={group} type="button" className={css.tag} onClick={() => onGroups(groups.filter((each) => each !== group))} aria-label={t('filter.remove', { name: t(GROUP_WORD[group]) })}>
              {t(GROUP_WORD[group])}
              <X size={14} aria-hidden />
            </button>
          ))}
          {held && !isPhone && view === 'table' && (
            <span className={css.held} data-testid="sort-paused">
              <Pause size={13} aria-hidden />
              {t('stations.sort-paused')}
            </span>
          )}
          <TextFilter value={text} onChange={(q) => onSearch({ q: q === '' ? undefined : q }, true)} />
          {!isPhone && (
            <Segmented
              label={t('stations.view')}
              value={view}
              options={[
                { value: 'table', label: t('stations.view-table'), icon: <Rows3 size={15} aria-hidden /> },
                { value: 'wall', label: t('stations.view-wall'), icon: <LayoutGrid size={15} aria-hidden /> },
              ]}
              onChange={(next) => onSearch({ view: next === 'table' ? undefined : next })}
            />
          )}
          {view === 'wall' && (
            <Segmented
              label={t('stations.tile-size')}
              value={size}
              options={TILE_SIZES.map((each) => ({ value: each, label: each.toUpperCase() }))}
              onChange={(next) => onSearch({ size: next === 's' ? undefined : next }, true)}
            />
          )}
        </header>
        {isNarrow && view === 'table' && <FacetChips groups={groups} scope={scope} onGroups={onGroups} />}
        {total === 0 ? (
          isLoading ? <Waiting /> : <Empty />
        ) : view === 'wall' ? (
          <StationsWall filter={{ groups, text, nodeId }} size={size} openId={search.open} onOpen={onOpen} />
        ) : ids.length === 0 ? (
          <NoMatch onClear={clear} total={total} />
        ) : isPhone ? (
          <PhoneList ids={ids} scaleMa={scaleMa} onOpen={onOpen} />
        ) : (
          <StationsTable
            ids={ids}
            sort={sort}
            openId={search.open}
            scaleMa={scaleMa}
            onSort={(next) => onSearch({ sort: writeSort(next) })}
            onOpen={onOpen}
            onHold={setHeld}
          />
        )}
        {total > 0 && view === 'table' && <Totals groups={groups} text={text} nodeId={nodeId} />}
      </section>
      <StationDrawer id={search.open} onClose={() => onOpen(undefined)} />
    </div>
  );
}

function Counted({ shown, total }: { readonly shown: number; readonly total: number }) {
  const t = useT();
  const locale = useLocale();
  if (total === 0) return null;
  return (
    <span className={`${css.counted} num`} data-testid="counted">
      {shown === total
        ? count(total, locale)
        : t('stations.of', { shown: count(shown, locale), total: count(total, locale) })}
    </span>
  );
}

/** Typing shows at once; the address follows when the hand rests. */
function TextFilter({ value, onChange }: { readonly value: string; readonly onChange: (value: string) => void }) {
  const t = useT();
  const [typed, setTyped] = useState(value);
  const [sent, setSent] = useState(value);
  if (value !== sent) {
    // The address changed from elsewhere: a link, back, clear.
    setSent(value);
    setTyped(value);
  }
  useEffect(() => {
    if (typed === sent) return;
    const timer = setTimeout(() => {
      setSent(typed);
      onChange(typed);
    }, 150);
    return () => clearTimeout(timer);
  }, [typed, sent, onChange]);
  return (
    <div className={css.search} role="search">
      <Search size={16} aria-hidden />
      <input
        type="search"
        value={typed}
        maxLength={100}
        placeholder={t('stations.search')}
        aria-label={t('stations.search')}
        onChange={(event) => setTyped(event.target.value)}
      />
    </div>
  );
}

function NodeTag({ nodeId, onRemove }: { readonly nodeId: string; readonly onRemove: () => void }) {
  const t = useT();
  const name = useNodeName(nodeId) || nodeId;
  return (
    <button type="button" className={css.tag} onClick={onRemove} aria-label={t('filter.remove', { name })}>
      {name}
      <X size={14} aria-hidden />
    </button>
  );
}

function Totals({ groups, text, nodeId }: Filter) {
  const t = useT();
  const locale = useLocale();
  const sums = useLive((state) => sumUp(filterStations(state.tables.stations, state.tables.nodes, { groups, text, nodeId })));
  return (
    <footer className={css.totals}>
      <span>{t('stations.count', { count: sums.count })} ·</span>
      <b className="num live" data-testid="sum-power">
        {measureText(power(sums.powerW, locale), locale)}
      </b>
      <span className="num live">
        · {t('stations.energy', { energy: measureText(energy(sums.energyWh, locale), locale) })}
      </span>
      <span className={css.keys} aria-hidden>
        <span>
          <kbd>j</kbd> <kbd>k</kbd> {t('keys.move')}
        </span>
        <span>
          <kbd>Enter</kbd> {t('keys.open')}
        </span>
        <span>
          <kbd>Esc</kbd> {t('keys.close')}
        </span>
      </span>
    </footer>
  );
}

const WIDTHS = [64, 72, 58, 80, 66, 74, 60, 70];

const Waiting = () => (
  <div className={css.waiting} role="status">
    {WIDTHS.map((width) => (
      <div key={width} className={css.waitingRow}>
        <Skeleton width={`${width / 6}%`} />
        <Skeleton width={`${width / 4}%`} />
        <Skeleton width={`${width / 5}%`} />
        <Skeleton width={`${width / 3}%`} />
      </div>
    ))}
  </div>
);

function Empty() {
  const t = useT();
  return (
    <Notice icon={<EvCharger size={18} aria-hidden />} title={t('overview.empty')}>
      {t('overview.empty-text')}
    </Notice>
  );
}

function NoMatch({ total, onClear }: { readonly total: number; readonly onClear: () => void }) {
  const t = useT();
  return (
    <Notice
      icon={<SearchX size={18} aria-hidden />}
      title={t('stations.no-match')}
      actions={
        <Button look="primary" onClick={onClear}>
          {t('stations.show-all', { count: total })}
        </Button>
      }
    >
      {t('stations.no-match-text')}
    </Notice>
  );
}
