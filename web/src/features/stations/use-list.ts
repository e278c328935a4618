// use-list.ts - The rows of the list in their order. The order follows the live values at most every two
// seconds, and not at all while somebody points at the list or is in it with the keyboard: no row moves
// under a hand. The values inside the rows stay live all the time (each row reads its own).
import { useTable } from '@tanstack/react-table';
import { useEffect, useMemo, useState } from 'react';
import { nodePath } from '@/components/station/path';
import { useLive, useLiveStore } from '@/live/react';
import type { LiveState } from '@/live/reducer';
import { columns, features, type ListRow } from './columns';
import { filterStations, type Filter } from './filter';
import type { Sort } from './search';

export const REORDER_MS = 2000;

const selectHasStations = (state: LiveState) => state.tables.stations.size > 0;
const selectHasNodes = (state: LiveState) => state.tables.nodes.size > 0;

interface ListOptions extends Filter {
  readonly sort: Sort;
  readonly held: boolean;
}

export function useList({ groups, text, nodeId, sort, held }: ListOptions): readonly string[] {
  const store = useLiveStore();
  // The first rows and the names of their nodes show at once, not at the next tick.
  const hasStations = useLive(selectHasStations);
  const hasNodes = useLive(selectHasNodes);
  const [turn, setTurn] = useState(0);
  const groupsKey = groups.join(',');

  useEffect(() => {
    if (held) return;
    setTurn((was) => was + 1);
    let seen = store.getState().tables;
    const timer = setInterval(() => {
      const { tables } = store.getState();
      if (tables.stations === seen.stations && tables.nodes === seen.nodes) return;
      seen = tables;
      setTurn((was) => was + 1);
    }, REORDER_MS);
    return () => clearInterval(timer);
  }, [held, store]);

  const data = useMemo<ListRow[]>(() => {
    const { stations, nodes } = store.getState().tables;
    return filterStations(stations, nodes, { groups, text, nodeId }).map((station) => ({
      station,
      node: nodePath(nodes, station.nodeId).join(' / '),
    }));
    // `turn` and the two flags say when; `groups` is a new array each time, its key is not.
    // oxlint-disable-next-line react/exhaustive-deps
  }, [store, groupsKey, text, nodeId, turn, hasStations, hasNodes]);

  const sorting = useMemo(() => [{ id: sort.column, desc: sort.desc }], [sort.column, sort.desc]);
  const table = useTable({
    features,
    columns,
    data,
    state: { sorting },
    getRowId: (row: ListRow) => row.station.id,
  });
  const { rows } = table.getRowModel();
  return useMemo(() => rows.map((row) => row.id), [rows]);
}
