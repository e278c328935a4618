// reducer.test.ts - The rules of the living state, each as things that happened.
import { describe, expect, it } from 'vitest';
import type { StationRow } from '@/live/model';
import { initialState, isFresh, reduceLive, sinceOf, type LiveEvent, type LiveState } from '@/live/reducer';
import type { UnixMs, Watts } from '@/live/units';
import { stationRow } from './rows';

const after = (events: readonly LiveEvent[], from: LiveState = initialState): LiveState => events.reduce(reduceLive, from);

const welcome = (epoch = 'e1', atMs = 1000): LiveEvent => ({
  type: 'welcome-received',
  epoch,
  serverMs: 61_000 as UnixMs,
  heartbeatS: 5,
  atMs,
});
const needed: LiveEvent = { type: 'topic-needed', topic: 'stations' };
const snapshot = (seq: number, rows: StationRow[], atMs = 1000): LiveEvent => ({
  type: 'snapshot-received',
  seq,
  change: { topic: 'stations', rows, gone: [] },
  atMs,
});
const delta = (seq: number, rows: StationRow[], gone: string[] = [], atMs = 2000): LiveEvent => ({
  type: 'delta-received',
  seq,
  change: { topic: 'stations', rows, gone },
  atMs,
});
const lost: LiveEvent = { type: 'link-lost', atMs: 5000, retryAtMs: 5500 };

const kw = (power: number) => ({ powerW: power as Watts });

describe('snapshot and delta', () => {
  it('a snapshot replaces, a delta changes and removes', () => {
    const state = after([
      needed,
      welcome(),
      snapshot(41, [stationRow('A'), stationRow('B'), stationRow('C')]),
      snapshot(42, [stationRow('A', kw(1)), stationRow('B', kw(2))]),
      delta(43, [stationRow('B', kw(20)), stationRow('D', kw(4))], ['A']),
    ]);
    expect([...state.tables.stations.keys()]).toEqual(['B', 'D']);
    expect(state.tables.stations.get('B')?.powerW).toBe(20);
    expect(state.views.stations).toMatchObject({ status: 'live', seq: 43 });
    expect(state.lastFrameMs).toBe(2000);
  });

  it('rows that did not change stay the same object', () => {
    const before = after([needed, welcome(), snapshot(1, [stationRow('A'), stationRow('B')])]);
    const state = reduceLive(before, delta(2, [stationRow('B', kw(5))]));
    expect(state.tables.stations.get('A')).toBe(before.tables.stations.get('A'));
    expect(state.tables.stations.get('B')).not.toBe(before.tables.stations.get('B'));
    expect(before.tables.stations.get('B')?.powerW).toBeNull();
  });

  it('a hole is never guessed over: only a snapshot ends it', () => {
    const gap = after([needed, welcome(), snapshot(1, [stationRow('A', kw(1))]), delta(3, [stationRow('A', kw(3))])]);
    expect(gap.views.stations).toMatchObject({ status: 'gap', seq: 1 });
    expect(gap.tables.stations.get('A')?.powerW).toBe(1);
    const later = reduceLive(gap, delta(2, [stationRow('A', kw(2))]));
    expect(later.tables.stations.get('A')?.powerW).toBe(1);
    expect(sinceOf(later, 'stations')).toBeNull();
    const mended = reduceLive(later, snapshot(9, [stationRow('A', kw(9))]));
    expect(mended.views.stations).toMatchObject({ status: 'live', seq: 9 });
    expect(mended.tables.stations.get('A')?.powerW).toBe(9);
  });

  it.each([1, 0, 42])('a delta numbered %i after 1 is a hole (or a repeat)', (seq) => {
    const state = after([needed, welcome(), snapshot(1, []), delta(seq, [])]);
    expect(state.views.stations?.status).toBe('gap');
  });

  it('a delta before any snapshot is a hole', () => {
    expect(after([needed, welcome(), delta(1, [])]).views.stations?.status).toBe('gap');
  });

  it('what nobody needs any more is not kept', () => {
    const state = after([
      needed,
      welcome(),
      snapshot(1, [stationRow('A')]),
      { type: 'topic-released', topic: 'stations' },
      delta(2, [stationRow('A')]),
      snapshot(3, [stationRow('A')]),
    ]);
    expect(state.views.stations).toBeUndefined();
    expect(state.tables.stations.size).toBe(0);
  });

  it('needing a topic twice keeps what is there', () => {
    const state = after([needed, welcome(), snapshot(1, [stationRow('A')]), needed]);
    expect(state.views.stations?.status).toBe('live');
  });

  it('documents are replaced whole', () => {
    const feed = { state: 'stale', lagMs: null, lastEventMs: null } as const;
    const state = after([
      { type: 'topic-needed', topic: 'feed' },
      welcome(),
      { type: 'snapshot-received', seq: 1, change: { topic: 'feed', document: { ...feed, state: 'live' } }, atMs: 1 },
      { type: 'delta-received', seq: 2, change: { topic: 'feed', document: feed }, atMs: 2 },
    ]);
    expect(state.documents.feed).toEqual(feed);
  });
});

describe('a lost link', () => {
  const live = after([needed, welcome(), snapshot(7, [stationRow('A', kw(1))])]);

  it('keeps the values and says that they are not fresh', () => {
    expect(isFresh(live)).toBe(true);
    const state = reduceLive(live, lost);
    expect(isFresh(state)).toBe(false);
    expect(state.tables.stations.get('A')?.powerW).toBe(1);
    expect(state.link).toEqual({ is: 'reconnecting', sinceMs: 5000, retryAtMs: 5500 });
  });

  it('counts from the first loss, not from the last attempt', () => {
    const state = after([lost, { type: 'connect-started' }, { ...lost, atMs: 9000, retryAtMs: 9900 }], live);
    expect(state.link).toEqual({ is: 'reconnecting', sinceMs: 5000, retryAtMs: 9900 });
  });

  it('goes on from where it was: resumed, then the missing deltas', () => {
    const back = after([lost, welcome('e1')], live);
    expect(sinceOf(back, 'stations')).toEqual({ epoch: 'e1', seq: 7 });
    expect(isFresh(back)).toBe(false); // the values are still those of before
    const resumed = after([{ type: 'resumed-received', id: 4, seq: 7, atMs: 1 }, delta(8, [])], back);
    expect(resumed.views.stations).toMatchObject({ status: 'live', seq: 8 });
    expect(isFresh(resumed)).toBe(true);
  });

  it('a resume at another number is a hole', () => {
    const state = after([lost, welcome('e1'), { type: 'resumed-received', id: 4, seq: 6, atMs: 1 }], live);
    expect(state.views.stations?.status).toBe('gap');
  });

  it('numbers of a restarted server mean nothing', () => {
    const state = after([lost, welcome('e2')], live);
    expect(sinceOf(state, 'stations')).toBeNull();
    expect(reduceLive(state, delta(8, [])).views.stations?.status).toBe('gap');
  });

  it('a tab that was hidden is not fresh until the snapshots are there', () => {
    const shown = after([{ type: 'tab-paused' }, { type: 'tab-resumed' }], live);
    expect(isFresh(shown)).toBe(false);
    expect(isFresh(reduceLive(shown, snapshot(20, [])))).toBe(true);
  });

  it('an ended session is its own state', () => {
    const state = reduceLive(live, { type: 'session-ended' });
    expect(state.link).toEqual({ is: 'signed-out' });
    expect(isFresh(state)).toBe(false);
  });
});

describe('the rest', () => {
  it('ages follow the clock of the server', () => {
    const state = after([welcome('e1', 1000)]);
    expect(state.clockOffsetMs).toBe(60_000);
    const beat = reduceLive(state, { type: 'heartbeat-received', serverMs: 90_000 as UnixMs, atMs: 10_000 });
    expect(beat.clockOffsetMs).toBe(80_000);
    expect(reduceLive(beat, { type: 'heartbeat-received', serverMs: null, atMs: 11_000 }).clockOffsetMs).toBe(80_000);
  });

  it('a quiet night stays live: heartbeats are enough', () => {
    const state = after([needed, welcome(), snapshot(1, []), { type: 'heartbeat-received', serverMs: null, atMs: 99_000 }]);
    expect(isFresh(state)).toBe(true);
    expect(state.lastFrameMs).toBe(99_000);
  });

  it('a refused subscription says why', () => {
    const state = after([needed, welcome(), { type: 'view-refused', id: 4, code: 'forbidden', atMs: 1 }]);
    expect(state.views.stations).toMatchObject({ status: 'refused', code: 'forbidden' });
  });
});
