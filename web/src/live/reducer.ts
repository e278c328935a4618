// reducer.ts - What the page knows of the living complex, as one pure function over things that have
// happened. Sockets, timers and the browser live in client.ts; this file cannot even see them.
//
// The one rule: never guess. A hole in the numbering of a view means that its rows may be wrong; the
// view then says `gap` and takes nothing but a fresh snapshot.
import type { Change } from './decode';
import { SUBSCRIPTION, topicOf, type Documents, type Tables, type Topic } from './model';
import type { UnixMs } from './units';

export type Link =
  /** The first connection since the page was opened. */
  | { readonly is: 'connecting' }
  | { readonly is: 'live' }
  /** Lost; `retryAtMs` (local clock) is when the next attempt begins, null while one is under way. */
  | { readonly is: 'reconnecting'; readonly sinceMs: number; readonly retryAtMs: number | null }
  /** The tab is hidden: nothing is sent until it is looked at again. */
  | { readonly is: 'paused' }
  /** The session has ended: only a sign-in helps. */
  | { readonly is: 'signed-out' };

export interface View {
  readonly topic: Topic;
  /** `loading`: never seen; `behind`: seen before, the link has been away since; `gap`: a delta is missing. */
  readonly status: 'loading' | 'live' | 'behind' | 'gap' | 'refused';
  /** Number of the last delta that is in the tables; null before the first snapshot. */
  readonly seq: number | null;
  /** Why the server refused the subscription, e.g. `forbidden`. */
  readonly code: string | null;
}

export interface LiveState {
  readonly link: Link;
  readonly epoch: string | null;
  readonly heartbeatS: number;
  /** Server's clock minus ours: ages are right even when one of the clocks is not. */
  readonly clockOffsetMs: number;
  /** Our clock at the last frame of any kind; null before the first one. */
  readonly lastFrameMs: number | null;
  readonly views: Readonly<Partial<Record<Topic, View>>>;
  readonly tables: Tables;
  readonly documents: Documents;
}

export type LiveEvent =
  | { readonly type: 'connect-started' }
  | { readonly type: 'welcome-received'; readonly epoch: string; readonly serverMs: UnixMs; readonly heartbeatS: number; readonly atMs: number }
  | { readonly type: 'snapshot-received'; readonly seq: number; readonly change: Change; readonly atMs: number }
  | { readonly type: 'delta-received'; readonly seq: number; readonly change: Change; readonly atMs: number }
  | { readonly type: 'resumed-received'; readonly id: number; readonly seq: number; readonly atMs: number }
  | { readonly type: 'heartbeat-received'; readonly serverMs: UnixMs | null; readonly atMs: number }
  | { readonly type: 'view-refused'; readonly id: number; readonly code: string; readonly atMs: number }
  | { readonly type: 'topic-needed'; readonly topic: Topic }
  | { readonly type: 'topic-released'; readonly topic: Topic }
  | { readonly type: 'link-lost'; readonly atMs: number; readonly retryAtMs: number }
  | { readonly type: 'session-ended' }
  | { readonly type: 'tab-paused' }
  | { readonly type: 'tab-resumed' };

export const initialState: LiveState = {
  link: { is: 'connecting' },
  epoch: null,
  heartbeatS: 5,
  clockOffsetMs: 0,
  lastFrameMs: null,
  views: {},
  tables: { stations: new Map(), nodes: new Map(), transactions: new Map() },
  documents: { complex: null, feed: null },
};

export function reduceLive(state: LiveState, event: LiveEvent): LiveState {
  switch (event.type) {
    case 'connect-started':
      return state.link.is === 'reconnecting' ? { ...state, link: { ...state.link, retryAtMs: null } } : state;

    case 'welcome-received':
      return {
        ...state,
        link: { is: 'live' },
        epoch: event.epoch,
        heartbeatS: event.heartbeatS,
        clockOffsetMs: event.serverMs - event.atMs,
        lastFrameMs: event.atMs,
        // Numbers of another epoch mean nothing: only a snapshot can follow.
        views: event.epoch === state.epoch ? state.views : eachView(state, (view) => ({ ...view, seq: null })),
      };

    case 'snapshot-received': {
      const { topic } = event.change;
      if (state.views[topic] === undefined) return seen(state, event.atMs); // released meanwhile
      const replaced = replace(state, event.change);
      return withView(seen(replaced, event.atMs), topic, { status: 'live', seq: event.seq, code: null });
    }

    case 'delta-received': {
      const { topic } = event.change;
      const view = state.views[topic];
      if (view === undefined || view.status === 'gap') return seen(state, event.atMs);
      // A hole means we no longer know the truth: say so; the client asks again.
      if (view.seq === null || event.seq !== view.seq + 1) {
        return withView(seen(state, event.atMs), topic, { status: 'gap' });
      }
      return withView(seen(apply(state, event.change), event.atMs), topic, { status: 'live', seq: event.seq });
    }

    case 'resumed-received': {
      const topic = topicOf(event.id);
      const view = topic && state.views[topic];
      if (topic === undefined || view === undefined) return seen(state, event.atMs);
      const status = view.seq === event.seq ? 'live' : 'gap';
      return withView(seen(state, event.atMs), topic, { status });
    }

    case 'heartbeat-received':
      return {
        ...seen(state, event.atMs),
        clockOffsetMs: event.serverMs === null ? state.clockOffsetMs : event.serverMs - event.atMs,
      };

    case 'view-refused': {
      const topic = topicOf(event.id);
      if (topic === undefined || state.views[topic] === undefined) return seen(state, event.atMs);
      return withView(seen(state, event.atMs), topic, { status: 'refused', code: event.code });
    }

    case 'topic-needed':
      if (state.views[event.topic] !== undefined) return state;
      return withView(state, event.topic, { status: 'loading', seq: null, code: null });

    case 'topic-released': {
      const { [event.topic]: _released, ...views } = state.views;
      return forget({ ...state, views }, event.topic);
    }

    case 'link-lost':
      return {
        ...state,
        link: {
          is: 'reconnecting',
          sinceMs: state.link.is === 'reconnecting' ? state.link.sinceMs : event.atMs,
          retryAtMs: event.retryAtMs,
        },
        views: behind(state),
      };

    case 'session-ended':
      return { ...state, link: { is: 'signed-out' }, views: behind(state) };

    case 'tab-paused':
      return { ...state, link: { is: 'paused' }, views: behind(state) };

    case 'tab-resumed':
      return { ...state, link: { is: 'live' } };
  }
}

/** Are the values on the page what the server says now? False greys them. */
export function isFresh(state: LiveState): boolean {
  return state.link.is === 'live' && Object.values(state.views).every((view) => view.status !== 'behind');
}

const seen = (state: LiveState, atMs: number): LiveState => ({ ...state, lastFrameMs: atMs });

function withView(state: LiveState, topic: Topic, change: Partial<View>): LiveState {
  const before = state.views[topic] ?? { topic, status: 'loading', seq: null, code: null };
  return { ...state, views: { ...state.views, [topic]: { ...before, ...change } } };
}

function eachView(state: LiveState, change: (view: View) => View): LiveState['views'] {
  const views: Partial<Record<Topic, View>> = {};
  for (const view of Object.values(state.views)) views[view.topic] = change(view);
  return views;
}

const behind = (state: LiveState): LiveState['views'] =>
  eachView(state, (view) => (view.status === 'live' || view.status === 'gap' ? { ...view, status: 'behind' } : view));

function replace(state: LiveState, change: Change): LiveState {
  if ('document' in change) {
    return { ...state, documents: { ...state.documents, [change.topic]: change.document } };
  }
  return withTable(state, change.topic, new Map(change.rows.map((row) => [row.id, row])));
}

function apply(state: LiveState, change: Change): LiveState {
  if ('document' in change) return replace(state, change);
  const table = new Map<string, unknown>(state.tables[change.topic]);
  for (const row of change.rows) table.set(row.id, row);
  for (const id of change.gone) table.delete(id);
  return withTable(state, change.topic, table);
}

function withTable(state: LiveState, topic: keyof Tables, table: ReadonlyMap<string, unknown>): LiveState {
  return { ...state, tables: { ...state.tables, [topic]: table } };
}

function forget(state: LiveState, topic: Topic): LiveState {
  if (topic in state.tables) return withTable(state, topic as keyof Tables, new Map());
  return { ...state, documents: { ...state.documents, [topic]: null } };
}

/** Where to go on after a lost link; null: ask for a snapshot. */
export function sinceOf(state: LiveState, topic: Topic): { epoch: string; seq: number } | null {
  const view = state.views[topic];
  if (state.epoch === null || view === undefined || view.seq === null || view.status === 'gap') return null;
  return { epoch: state.epoch, seq: view.seq };
}

export const subscriptionOf = (topic: Topic): number => SUBSCRIPTION[topic];
