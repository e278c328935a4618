// decode.ts - One text frame of the server to one message, checked. The only place that knows the
// spelling of the wire (docs/api.md); it keeps the schema of the connection and nothing else.
import {
  STATES,
  topicOf,
  type ComplexDocument,
  type DocumentTopic,
  type Documents,
  type FeedDocument,
  type FeedState,
  type RowOf,
  type State,
  type TableTopic,
} from './model';
import { readPhases, readRows, readSchema, type Schema } from './rows';
import type { UnixMs, WattHours, Watts } from './units';
import { array, integer, object, orNull, string, time, WireError, type Json } from './wire';

export type TableChange = {
  [T in TableTopic]: { readonly topic: T; readonly rows: readonly RowOf<T>[]; readonly gone: readonly string[] };
}[TableTopic];
export type DocumentChange = {
  [T in DocumentTopic]: { readonly topic: T; readonly document: NonNullable<Documents[T]> };
}[DocumentTopic];
export type Change = TableChange | DocumentChange;

export type ServerMessage =
  | { readonly op: 'welcome'; readonly epoch: string; readonly serverMs: UnixMs; readonly heartbeatS: number }
  | { readonly op: 'snapshot' | 'delta'; readonly id: number; readonly seq: number; readonly change: Change }
  | { readonly op: 'resumed'; readonly id: number; readonly seq: number }
  | { readonly op: 'heartbeat'; readonly serverMs: UnixMs }
  | { readonly op: 'error'; readonly id: number | null; readonly code: string }
  | { readonly op: 'pong' | 'other' };

const FEED_STATES: ReadonlySet<string> = new Set(['live', 'stale', 'lost']);

export function readFeed(value: unknown): FeedDocument {
  const feed = object(value, 'feed');
  const state = string(feed['state'], 'feed.state');
  if (!FEED_STATES.has(state)) throw new WireError('feed.state', 'live, stale or lost', state);
  return {
    state: state as FeedState,
    lagMs: orNull(integer, feed['lag_ms'], 'feed.lag_ms'),
    lastEventMs: orNull(time<UnixMs>, feed['last_event_at'], 'feed.last_event_at'),
  };
}

export function readComplex(value: unknown): ComplexDocument {
  const complex = object(value, 'complex');
  const stations = object(complex['stations'], 'complex.stations');
  const counts = {} as Record<State, number>;
  for (const state of STATES) counts[state] = integer(stations[state] ?? 0, `complex.stations.${state}`);
  return {
    name: string(complex['name'], 'complex.name'),
    zone: string(complex['zone'], 'complex.zone'),
    total: integer(stations['total'], 'complex.stations.total'),
    counts,
    powerW: orNull(integer<Watts>, complex['power_w'], 'complex.power_w'),
    currentMa: readPhases(complex['current_ma'] ?? [], 'complex.current_ma'),
    limitMa: readPhases(complex['limit_ma'] ?? [], 'complex.limit_ma'),
    limitW: orNull(integer<Watts>, complex['limit_w'], 'complex.limit_w'),
    energyTodayWh: orNull(integer<WattHours>, complex['energy_today_wh'], 'complex.energy_today_wh'),
    activeTransactions: orNull(integer, complex['active_transactions'], 'complex.active_transactions'),
    feed: readFeed(complex['feed']),
  };
}

export class Decoder {
  private schema: Schema | null = null;

  /** Throws WireError (or SyntaxError) on anything that docs/api.md does not allow. */
  decode(text: string): ServerMessage {
    const message = object(JSON.parse(text), 'message');
    const op = string(message['op'], 'op');
    switch (op) {
      case 'welcome':
        this.schema = readSchema(message['schema']);
        return {
          op,
          epoch: string(message['epoch'], 'welcome.epoch'),
          serverMs: time<UnixMs>(message['server_at'], 'welcome.server_at'),
          heartbeatS: integer(message['heartbeat_s'], 'welcome.heartbeat_s'),
        };
      case 'snapshot':
      case 'delta':
        return {
          op,
          id: integer(message['id'], `${op}.id`),
          seq: integer(message['seq'], `${op}.seq`),
          change: this.change(message, op),
        };
      case 'resumed':
        return { op, id: integer(message['id'], 'resumed.id'), seq: integer(message['seq'], 'resumed.seq') };
      case 'heartbeat':
        return { op, serverMs: time<UnixMs>(message['server_at'], 'heartbeat.server_at') };
      case 'error':
        return {
          op,
          id: orNull(integer, message['id'], 'error.id'),
          code: string(message['code'], 'error.code'),
        };
      case 'pong':
        return { op };
      default:
        return { op: 'other' };
    }
  }

  private change(message: Json, op: string): Change {
    if (this.schema === null) throw new WireError(op, 'a welcome before it', message['op']);
    const topic = topicOf(integer(message['id'], `${op}.id`));
    switch (topic) {
      case 'complex':
        return { topic, document: readComplex(one(message['data'])) };
      case 'feed':
        return { topic, document: readFeed(one(message['data'])) };
      case 'stations':
        return { topic, rows: readRows(this.schema, topic, message['data']), gone: gone(message) };
      case 'nodes':
        return { topic, rows: readRows(this.schema, topic, message['data']), gone: gone(message) };
      case 'transactions':
        return { topic, rows: readRows(this.schema, topic, message['data']), gone: gone(message) };
      case undefined:
        throw new WireError(`${op}.id`, 'the number of a subscription', message['id']);
    }
  }
}

/** A document topic sends the object itself. */
const one = (data: unknown): unknown => data;

const gone = (message: Json): readonly string[] =>
  array(message['gone'] ?? [], 'gone').map((id) => string(id, 'gone'));
