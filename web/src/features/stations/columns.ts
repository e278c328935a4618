// columns.ts - The columns of the table for TanStack Table: what each sorts by. Values that are not there
// go last in both directions. How a cell looks is row.tsx's matter.
import { createColumnHelper, createSortedRowModel, rowSortingFeature, tableFeatures } from '@tanstack/react-table';
import type { MessageId } from '@/i18n/i18n';
import { STATES, type StationRow } from '@/live/model';
import type { SortColumn } from './search';

export interface ListRow {
  readonly station: StationRow;
  /** Path of the node, as shown and sorted by. */
  readonly node: string;
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

const compare = (a: unknown, b: unknown): number =>
  typeof a === 'string' && typeof b === 'string' ? collator.compare(a, b) : Number(a) - Number(b);

export const features = tableFeatures({ rowSortingFeature, sortedRowModel: createSortedRowModel() });
const helper = createColumnHelper<typeof features, ListRow>();

function column(id: SortColumn, value: (row: ListRow) => string | number | null | undefined) {
  return helper.accessor((row) => value(row) ?? undefined, {
    id,
    sortUndefined: 'last',
    sortFn: (a, b, columnId) => compare(a.getValue(columnId), b.getValue(columnId)),
  });
}

/** The one place of a station's name: the name that people gave, else the OCPP identity. */
export const nameOf = (station: StationRow): string => station.name || station.id;

export const columns = helper.columns([
  column('state', ({ station }) => STATES.indexOf(station.state)),
  column('station', ({ station }) => nameOf(station)),
  column('node', ({ node }) => node || null),
  column('power', ({ station }) => station.powerW),
  column('energy', ({ station }) => station.energyWh),
  column('time', ({ station }) => (station.startedMs === null ? null : -station.startedMs)),
  column('driver', ({ station }) => station.driverName),
  column('limit', ({ station }) => station.limitMa),
  column('age', ({ station }) => (station.asOfMs === null ? null : -station.asOfMs)),
]);

interface Head {
  readonly title: MessageId;
  readonly sort?: SortColumn;
  readonly align?: 'end' | 'text';
}

/** The heads as they are shown: the phases have no order of their own. */
export const HEADS: readonly Head[] = [
  { title: 'column.state', sort: 'state' },
  { title: 'column.station', sort: 'station' },
  { title: 'column.node', sort: 'node' },
  { title: 'column.power', sort: 'power' },
  { title: 'column.l1', align: 'end' },
  { title: 'column.l2', align: 'end' },
  { title: 'column.l3', align: 'end' },
  { title: 'column.energy', sort: 'energy', align: 'end' },
  { title: 'column.time', sort: 'time', align: 'end' },
  { title: 'column.driver', sort: 'driver', align: 'text' },
  { title: 'column.limit', sort: 'limit', align: 'end' },
  { title: 'column.age', sort: 'age', align: 'end' },
];
