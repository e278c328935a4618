// model.ts - What the live feed carries, in the page's own words. Null means "never reported"; zero
// means zero. The shapes on the wire are in docs/api.md; decode.ts turns them into these.
import type { Milliamps, Percent, Permille, PhaseMa, UnixMs, WattHours, Watts } from './units';

export const STATES = [
  'charging',
  'suspended',
  'preparing',
  'finishing',
  'reserved',
  'available',
  'faulted',
  'unavailable',
  'offline',
  'unknown',
] as const;
export type State = (typeof STATES)[number];

export interface ConnectorRow {
  readonly id: number;
  /** The OCPP word, e.g. SuspendedEV; keeps what `state` folds together. */
  readonly status: string | null;
  readonly state: State;
  readonly errorCode: string | null;
  readonly powerW: Watts | null;
  readonly currentMa: PhaseMa;
  readonly offeredMa: Milliamps | null;
  readonly limitMa: Milliamps | null;
  readonly energyWh: WattHours | null;
  readonly socPct: Percent | null;
  readonly transactionId: string | null;
  readonly keyUid: string | null;
  readonly startedMs: UnixMs | null;
  readonly asOfMs: UnixMs | null;
  readonly stale: boolean;
}

export interface StationRow {
  readonly id: string;
  readonly name: string;
  readonly nodeId: string | null;
  readonly online: boolean;
  readonly state: State;
  readonly powerW: Watts | null;
  readonly currentMa: PhaseMa;
  readonly limitMa: Milliamps | null;
  readonly offeredMa: Milliamps | null;
  readonly energyWh: WattHours | null;
  readonly transactionId: string | null;
  readonly driverName: string | null;
  readonly startedMs: UnixMs | null;
  readonly errorCode: string | null;
  readonly asOfMs: UnixMs | null;
  readonly stale: boolean;
  readonly connectors: readonly ConnectorRow[];
}

export interface NodeRow {
  readonly id: string;
  readonly parentId: string | null;
  readonly kind: string;
  readonly name: string;
  readonly powerW: Watts | null;
  readonly currentMa: PhaseMa;
  readonly limitMa: PhaseMa;
  readonly limitW: Watts | null;
  /** The worst phase, or the power, against its limit; null without a limit. */
  readonly ratio: Permille | null;
  readonly asOfMs: UnixMs | null;
  /** A part of the sum is stale: the value is "at least". */
  readonly stale: boolean;
  readonly stations: number;
  readonly charging: number;
}

export interface TransactionRow {
  readonly id: string;
  readonly stationId: string;
  readonly connectorId: number;
  readonly keyUid: string | null;
  readonly driverName: string | null;
  readonly state: string;
  readonly startedMs: UnixMs | null;
  readonly energyWh: WattHours | null;
  readonly powerW: Watts | null;
}

export type FeedState = 'live' | 'stale' | 'lost';

export interface FeedDocument {
  readonly state: FeedState;
  readonly lagMs: number | null;
  readonly lastEventMs: UnixMs | null;
}

export interface ComplexDocument {
  readonly name: string;
  readonly zone: string;
  readonly total: number;
  readonly counts: Readonly<Record<State, number>>;
  readonly powerW: Watts | null;
  readonly currentMa: PhaseMa;
  readonly limitMa: PhaseMa;
  readonly limitW: Watts | null;
  readonly energyTodayWh: WattHours | null;
  readonly activeTransactions: number | null;
  readonly feed: FeedDocument;
}

/** Topics whose rows are positional arrays, kept by id. */
export interface Tables {
  readonly stations: ReadonlyMap<string, StationRow>;
  readonly nodes: ReadonlyMap<string, NodeRow>;
  readonly transactions: ReadonlyMap<string, TransactionRow>;
}
export type TableTopic = keyof Tables;
export type RowOf<T extends TableTopic> = Tables[T] extends ReadonlyMap<string, infer R> ? R : never;

/** Topics that are one object, replaced whole. */
export interface Documents {
  readonly complex: ComplexDocument | null;
  readonly feed: FeedDocument | null;
}
export type DocumentTopic = keyof Documents;

export type Topic = TableTopic | DocumentTopic;

/** The number of each subscription: the same in every browser, so the server frames a delta once. */
export const SUBSCRIPTION: Readonly<Record<Topic, number>> = {
  complex: 1,
  feed: 2,
  nodes: 3,
  stations: 4,
  transactions: 5,
};
export const topicOf = (id: number): Topic | undefined =>
  (Object.keys(SUBSCRIPTION) as Topic[]).find((topic) => SUBSCRIPTION[topic] === id);
