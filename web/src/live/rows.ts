// rows.ts - Positional rows of the wire to the page's objects. Columns are found by the names that
// `welcome.schema` gives, once for each connection; a column that the page needs and the server does
// not send is an error at the welcome, a column that the page does not know is left alone.
import {
  STATES,
  type ConnectorRow,
  type NodeRow,
  type RowOf,
  type State,
  type StationRow,
  type TableTopic,
  type TransactionRow,
} from './model';
import type { Milliamps, Percent, Permille, PhaseMa, UnixMs, WattHours, Watts } from './units';
import { array, boolean, integer, object, orNull, string, WireError } from './wire';

const COLUMNS = {
  stations: [
    'id', 'name', 'node_id', 'online', 'state', 'power_w', 'current_ma', 'limit_ma', 'offered_ma',
    'energy_wh', 'transaction_id', 'driver_name', 'started_ms', 'error_code', 'as_of_ms', 'stale',
    'connectors',
  ],
  connectors: [
    'id', 'status', 'state', 'error_code', 'power_w', 'current_ma', 'offered_ma', 'limit_ma', 'energy_wh',
    'soc_pct', 'transaction_id', 'key_uid', 'started_ms', 'as_of_ms', 'stale',
  ],
  nodes: [
    'id', 'parent_id', 'kind', 'name', 'power_w', 'current_ma', 'limit_ma', 'limit_w', 'ratio', 'as_of_ms',
    'stale', 'stations', 'charging',
  ],
  transactions: [
    'id', 'station_id', 'connector_id', 'key_uid', 'driver_name', 'state', 'started_ms', 'energy_wh', 'power_w',
  ],
} as const;

type Kind = keyof typeof COLUMNS;
type Column<K extends Kind> = (typeof COLUMNS)[K][number];
type Places<K extends Kind> = Readonly<Record<Column<K>, number>>;
export type Schema = { readonly [K in Kind]: Places<K> };

export function readSchema(value: unknown): Schema {
  const schema = object(value, 'welcome.schema');
  const places = <K extends Kind>(kind: K): Places<K> => {
    const names = array(schema[kind], `welcome.schema.${kind}`);
    const found: Record<string, number> = {};
    for (const column of COLUMNS[kind]) {
      const at = names.indexOf(column);
      if (at < 0) throw new WireError(`welcome.schema.${kind}`, `a column '${column}'`, names);
      found[column] = at;
    }
    return found as Places<K>;
  };
  return {
    stations: places('stations'),
    connectors: places('connectors'),
    nodes: places('nodes'),
    transactions: places('transactions'),
  };
}

const KNOWN_STATES: ReadonlySet<string> = new Set(STATES);

/** A state that this page does not know yet is shown as unknown, not refused. */
export function readState(value: unknown, place: string): State {
  const word = string(value, place);
  return KNOWN_STATES.has(word) ? (word as State) : 'unknown';
}

export function readPhases(value: unknown, place: string): PhaseMa {
  const phases = array(value, place);
  return [0, 1, 2].map((phase) => orNull(integer<Milliamps>, phases[phase], place)) as unknown as PhaseMa;
}

/** Reads a row by column name, with the place of a mistake in it. */
class Reader<K extends Kind> {
  constructor(
    readonly kind: K,
    private readonly places: Places<K>,
    private readonly row: readonly unknown[],
  ) {}
  private get<T>(read: (value: unknown, place: string) => T, column: Column<K>): T {
    return read(this.row[this.places[column]], `${this.kind}.${column}`);
  }
  private maybe<T>(read: (value: unknown, place: string) => T, column: Column<K>): T | null {
    return orNull(read, this.row[this.places[column]], `${this.kind}.${column}`);
  }
  raw = (column: Column<K>) => this.row[this.places[column]];
  string = (column: Column<K>) => this.get(string, column);
  boolean = (column: Column<K>) => this.get(boolean, column);
  integer = (column: Column<K>) => this.get(integer, column);
  state = (column: Column<K>) => this.get(readState, column);
  phases = (column: Column<K>) => this.get(readPhases, column);
  stringOrNull = (column: Column<K>) => this.maybe(string, column);
  integerOrNull = <N extends number>(column: Column<K>) => this.maybe(integer<N>, column);
}

function connector(schema: Schema, row: unknown): ConnectorRow {
  const read = new Reader('connectors', schema.connectors, array(row, 'connectors'));
  return {
    id: read.integer('id'),
    status: read.stringOrNull('status'),
    state: read.state('state'),
    errorCode: read.stringOrNull('error_code'),
    powerW: read.integerOrNull<Watts>('power_w'),
    currentMa: read.phases('current_ma'),
    offeredMa: read.integerOrNull<Milliamps>('offered_ma'),
    limitMa: read.integerOrNull<Milliamps>('limit_ma'),
    energyWh: read.integerOrNull<WattHours>('energy_wh'),
    socPct: read.integerOrNull<Percent>('soc_pct'),
    transactionId: read.stringOrNull('transaction_id'),
    keyUid: read.stringOrNull('key_uid'),
    startedMs: read.integerOrNull<UnixMs>('started_ms'),
    asOfMs: read.integerOrNull<UnixMs>('as_of_ms'),
    stale: read.boolean('stale'),
  };
}

function station(schema: Schema, row: readonly unknown[]): StationRow {
  const read = new Reader('stations', schema.stations, row);
  return {
    id: read.string('id'),
    name: read.string('name'),
    nodeId: read.stringOrNull('node_id'),
    online: read.boolean('online'),
    state: read.state('state'),
    powerW: read.integerOrNull<Watts>('power_w'),
    currentMa: read.phases('current_ma'),
    limitMa: read.integerOrNull<Milliamps>('limit_ma'),
    offeredMa: read.integerOrNull<Milliamps>('offered_ma'),
    energyWh: read.integerOrNull<WattHours>('energy_wh'),
    transactionId: read.stringOrNull('transaction_id'),
    driverName: read.stringOrNull('driver_name'),
    startedMs: read.integerOrNull<UnixMs>('started_ms'),
    errorCode: read.stringOrNull('error_code'),
    asOfMs: read.integerOrNull<UnixMs>('as_of_ms'),
    stale: read.boolean('stale'),
    connectors: array(read.raw('connectors'), 'stations.connectors').map((each) => connector(schema, each)),
  };
}

function node(schema: Schema, row: readonly unknown[]): NodeRow {
  const read = new Reader('nodes', schema.nodes, row);
  return {
    id: read.string('id'),
    parentId: read.stringOrNull('parent_id'),
    kind: read.string('kind'),
    name: read.string('name'),
    powerW: read.integerOrNull<Watts>('power_w'),
    currentMa: read.phases('current_ma'),
    limitMa: read.phases('limit_ma'),
    limitW: read.integerOrNull<Watts>('limit_w'),
    ratio: read.integerOrNull<Permille>('ratio'),
    asOfMs: read.integerOrNull<UnixMs>('as_of_ms'),
    stale: read.boolean('stale'),
    stations: read.integer('stations'),
    charging: read.integer('charging'),
  };
}

function transaction(schema: Schema, row: readonly unknown[]): TransactionRow {
  const read = new Reader('transactions', schema.transactions, row);
  return {
    id: read.string('id'),
    stationId: read.string('station_id'),
    connectorId: read.integer('connector_id'),
    keyUid: read.stringOrNull('key_uid'),
    driverName: read.stringOrNull('driver_name'),
    state: read.string('state'),
    startedMs: read.integerOrNull<UnixMs>('started_ms'),
    energyWh: read.integerOrNull<WattHours>('energy_wh'),
    powerW: read.integerOrNull<Watts>('power_w'),
  };
}

const READ: { readonly [T in TableTopic]: (schema: Schema, row: readonly unknown[]) => RowOf<T> } = {
  stations: station,
  nodes: node,
  transactions: transaction,
};

export function readRows<T extends TableTopic>(schema: Schema, topic: T, data: unknown): readonly RowOf<T>[] {
  return array(data, topic).map((row) => READ[topic](schema, array(row, `${topic} row`)));
}
