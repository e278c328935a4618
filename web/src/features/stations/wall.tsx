// wall.tsx - Every station at a glance, each at its fixed place. Arrows walk by where things stand, Enter
// opens. What the filter leaves out keeps its place and goes pale.
import { clsx } from 'clsx';
import { useCallback, useEffect, useMemo, useRef, type CSSProperties, type KeyboardEvent } from 'react';
import { StateIcon } from '@/components/icons/state-icon';
import { worstPhase } from '@/components/station/load';
import { StationTile } from '@/components/station/tile';
import { GROUP_STATE, GROUP_WORD, groupOf, type Group } from '@/components/station/words';
import { LoadBar } from '@/components/ui/load-bar';
import { count, current, percent, power, text } from '@/format/units';
import { useLocale, useT } from '@/i18n/i18n';
import { useLive, useLiveStore, useRow } from '@/live/react';
import type { LiveState } from '@/live/reducer';
import { filterStations, type Filter } from './filter';
import type { TileSize } from './search';
import { wallKey, wallOf, type Box as BoxOf } from './wall-layout';
import css from './wall.module.css';

const SIZE: Readonly<Record<TileSize, { readonly width: number; readonly height: number; readonly power: number }>> = {
  s: { width: 58, height: 40, power: 14 },
  m: { width: 78, height: 50, power: 16 },
  l: { width: 104, height: 62, power: 20 },
  xl: { width: 140, height: 80, power: 26 },
};

interface WallProps {
  readonly filter: Filter;
  readonly size: TileSize;
  readonly openId: string | undefined;
  readonly onOpen: (id: string | undefined) => void;
}

const selectKey = (state: LiveState) => wallKey(state.tables.stations.values(), state.tables.nodes);

export function StationsWall({ filter, size, openId, onOpen }: WallProps) {
  const t = useT();
  const store = useLiveStore();
  const wall = useRef<HTMLDivElement>(null);
  const key = useLive(selectKey);
  const columns = useMemo(() => {
    const { stations, nodes } = store.getState().tables;
    return wallOf(stations.values(), nodes);
    // The key says when a place may have changed; live values never do.
    // oxlint-disable-next-line react/exhaustive-deps
  }, [store, key]);
  const isFiltered = filter.groups.length > 0 || filter.text !== '' || filter.nodeId !== undefined;
  const shown = useLive((state) =>
    isFiltered
      ? filterStations(state.tables.stations, state.tables.nodes, filter).map((station) => station.id).join('\n')
      : '',
  );
  const matches = useMemo(() => (isFiltered ? new Set(shown.split('\n')) : null), [isFiltered, shown]);
  const { width, height, power: figure } = SIZE[size];

  // One tile at a time is in the order of Tab; which one is no matter of rendering.
  useEffect(() => {
    const tiles = wall.current?.querySelectorAll<HTMLElement>('[data-tile]') ?? [];
    if (![...tiles].some((tile) => tile.tabIndex === 0) && tiles[0] !== undefined) tiles[0].tabIndex = 0;
  }, [columns]);

  const onKeyDown = useCallback((event: KeyboardEvent<HTMLDivElement>) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.target instanceof HTMLElement)) return;
    const tiles = [...event.currentTarget.querySelectorAll<HTMLElement>('[data-tile]')];
    const at = tiles.indexOf(event.target);
    const to = at < 0 ? undefined : nextTile(tiles, at, event.key);
    if (to === undefined) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  }, []);

  return (
    <div
      ref={wall}
      className={css.wall}
      style={{ '--tile-width': `${width}px`, '--tile-height': `${height}px`, '--tile-power': `${figure}px` } as CSSProperties}
      onKeyDown={onKeyDown}
      role="toolbar"
      tabIndex={-1}
      aria-label={t('page.stations')}
      data-testid="wall"
    >
      {columns.map((column) => (
        <div key={column.nodeId ?? ''} className={css.column} style={{ flexGrow: Math.max(column.count, 8) }}>
          {column.boxes.map((box) => (
            <Box key={box.nodeId ?? ''} box={box} matches={matches} openId={openId} onOpen={onOpen} />
          ))}
        </div>
      ))}
    </div>
  );
}

/** Left and right follow the order, up and down what stands above and below. */
function nextTile(tiles: readonly HTMLElement[], at: number, key: string): HTMLElement | undefined {
  if (key === 'ArrowRight' || key === 'l') return tiles[at + 1];
  if (key === 'ArrowLeft' || key === 'h') return tiles[at - 1];
  if (key === 'Home') return tiles[0];
  if (key === 'End') return tiles.at(-1);
  const step = key === 'ArrowDown' || key === 'j' ? 1 : key === 'ArrowUp' || key === 'k' ? -1 : 0;
  const from = tiles[at]?.getBoundingClientRect();
  if (step === 0 || from === undefined) return undefined;
  let best: HTMLElement | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const tile of tiles) {
    const place = tile.getBoundingClientRect();
    const down = (place.top - from.top) * step;
    if (down < from.height / 2) continue;
    const far = down * 2 + Math.abs(place.left - from.left);
    if (far < least) [best, least] = [tile, far];
  }
  return best;
}

interface BoxProps {
  readonly box: BoxOf;
  readonly matches: ReadonlySet<string> | null;
  readonly openId: string | undefined;
  readonly onOpen: (id: string) => void;
}

const TOLD: readonly Group[] = ['charging', 'paused', 'faulted', 'offline'];

function Box({ box, matches, openId, onOpen }: BoxProps) {
  const t = useT();
  const locale = useLocale();
  const node = useRow('nodes', box.nodeId ?? '');
  const counts = useLive((state) => {
    const found = TOLD.map(() => 0);
    for (const { id } of box.tiles) {
      const station = state.tables.stations.get(id);
      const index = station === undefined ? -1 : TOLD.indexOf(groupOf(station.state));
      if (index >= 0) found[index] = (found[index] ?? 0) + 1;
    }
    return found;
  });
  const phase = node === undefined ? null : worstPhase(node);
  const load =
    node === undefined
      ? null
      : phase !== null && phase.limitMa !== null
        ? [current(phase.currentMa, locale).value, text(current(phase.limitMa, locale), locale)]
        : node.limitW === null
          ? null
          : [power(node.powerW, locale).value, text(power(node.limitW, locale), locale)];
  const name = box.name ?? t('stations.nowhere');
  return (
    <div className={css.box} role="group" aria-label={name}>
      <header className={css.boxHead}>
        <h2>{name}</h2>
        {node !== undefined && load !== null && (
          <>
            <LoadBar permille={node.ratio} height={6} className={css.bar} />
            <b className={clsx('num', 'live', (node.ratio ?? 0) > 900 && css.high)}>{percent(node.ratio, locale)}</b>
            <span className={clsx('num', 'live', css.second)}>{t('stations.load-of', { load: load[0], limit: load[1] })}</span>
          </>
        )}
        <span className={css.counts}>
          {TOLD.map((group, index) =>
            (counts[index] ?? 0) === 0 ? null : (
              <span key={group} className="num live" title={t(GROUP_WORD[group])}>
                <StateIcon state={GROUP_STATE(group)} size={12} />
                <span className="sr-only">{t(GROUP_WORD[group])} </span>
                {count(counts[index] ?? 0, locale)}
              </span>
            ),
          )}
        </span>
      </header>
      <div className={css.tiles}>
        {box.tiles.map(({ id, label }) => (
          <StationTile
            key={id}
            id={id}
            label={label}
            dim={matches !== null && !matches.has(id)}
            open={id === openId}
            onOpen={onOpen}
          />
        ))}
      </div>
    </div>
  );
}
