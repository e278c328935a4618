// store.ts - The living state outside of React. Events wait for a frame, at most five times a second (no
// eye reads faster), and are applied together; then only those are told whose row, table or selection has really changed. A table of 500
// stations so costs a page with 22 visible rows 22 comparisons, not 500 renders.
import type { RowOf, TableTopic } from './model';
import { initialState, reduceLive, type LiveEvent, type LiveState } from './reducer';

type Listener = () => void;

export const PERIOD_MS = 200;

/** Calls back before a paint, not sooner than a period after the last time; a hidden tab never paints. */
export function pacedFrames(periodMs = PERIOD_MS): (callback: () => void) => void {
  let lastMs = Number.NEGATIVE_INFINITY;
  return (callback) => {
    const run = () => {
      lastMs = performance.now();
      callback();
    };
    const wait = lastMs + periodMs - performance.now();
    if (document.visibilityState === 'hidden') setTimeout(run, Math.max(wait, periodMs));
    else if (wait <= 0) requestAnimationFrame(run);
    else setTimeout(() => requestAnimationFrame(run), wait);
  };
}

export class LiveStore {
  private state = initialState;
  private queue: LiveEvent[] = [];
  private readonly listeners = new Set<Listener>();
  private readonly rowListeners: Record<TableTopic, Map<string, Set<Listener>>> = {
    stations: new Map(),
    nodes: new Map(),
    transactions: new Map(),
  };

  constructor(private readonly schedule: (callback: () => void) => void = pacedFrames()) {}

  getState = (): LiveState => this.state;

  /** Remember what happened; it shows at the next frame. */
  dispatch(event: LiveEvent): void {
    this.queue.push(event);
    if (this.queue.length === 1) this.schedule(this.flush);
  }

  /** Apply what waits, now. The client uses it where it must read the state it has just changed. */
  flush = (): void => {
    if (this.queue.length === 0) return;
    const before = this.state;
    const events = this.queue;
    this.queue = [];
    this.state = events.reduce(reduceLive, before);
    for (const topic of ['stations', 'nodes', 'transactions'] as const) this.tellRows(topic, before);
    for (const listener of this.listeners) listener();
  };

  private tellRows(topic: TableTopic, before: LiveState): void {
    const was = before.tables[topic];
    const is = this.state.tables[topic];
    if (was === is) return;
    for (const [id, listeners] of this.rowListeners[topic]) {
      if (was.get(id) !== is.get(id)) for (const listener of listeners) listener();
    }
  }

  /** Any change. Returns the way out. */
  subscribe = (listener: Listener): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Changes of one row only. */
  subscribeRow(topic: TableTopic, id: string, listener: Listener): () => void {
    const rows = this.rowListeners[topic];
    const listeners = rows.get(id) ?? new Set();
    rows.set(id, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) rows.delete(id);
    };
  }

  row<T extends TableTopic>(topic: T, id: string): RowOf<T> | undefined {
    return (this.state.tables[topic] as ReadonlyMap<string, RowOf<T>>).get(id);
  }
}
