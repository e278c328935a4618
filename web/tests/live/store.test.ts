// store.test.ts - Who is told of a change: only those whose row or selection is another one.
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { LiveStore, pacedFrames, PERIOD_MS } from '@/live/store';
import type { Watts } from '@/live/units';
import { stationRow } from './rows';

let frames: (() => void)[];
let store: LiveStore;

beforeEach(() => {
  frames = [];
  store = new LiveStore((callback) => frames.push(callback));
  store.dispatch({ type: 'topic-needed', topic: 'stations' });
  store.dispatch({
    type: 'snapshot-received',
    seq: 1,
    change: { topic: 'stations', rows: [stationRow('A'), stationRow('B')], gone: [] },
    atMs: 1,
  });
  store.flush();
  frames = [];
});

const change = (seq: number, id: string, power: number) =>
  store.dispatch({
    type: 'delta-received',
    seq,
    change: { topic: 'stations', rows: [stationRow(id, { powerW: power as Watts })], gone: [] },
    atMs: 2,
  });

describe('LiveStore', () => {
  it('applies all that came since the last frame in one', () => {
    const all = vi.fn();
    store.subscribe(all);
    change(2, 'A', 1);
    change(3, 'A', 2);
    change(4, 'B', 3);
    expect(frames).toHaveLength(1);
    expect(store.row('stations', 'A')?.powerW).toBeNull();
    frames[0]?.();
    expect(all).toHaveBeenCalledTimes(1);
    expect(store.row('stations', 'A')?.powerW).toBe(2);
    expect(store.row('stations', 'B')?.powerW).toBe(3);
  });

  it('tells a row only of its own changes', () => {
    const [onA, onB] = [vi.fn(), vi.fn()];
    store.subscribeRow('stations', 'A', onA);
    store.subscribeRow('stations', 'B', onB);
    change(2, 'A', 1);
    store.flush();
    expect(onA).toHaveBeenCalledTimes(1);
    expect(onB).not.toHaveBeenCalled();
  });

  it('tells a row that it is gone, and nobody who has left', () => {
    const onA = vi.fn();
    const leave = store.subscribeRow('stations', 'A', onA);
    store.dispatch({ type: 'delta-received', seq: 2, change: { topic: 'stations', rows: [], gone: ['A'] }, atMs: 2 });
    store.flush();
    expect(onA).toHaveBeenCalledTimes(1);
    expect(store.row('stations', 'A')).toBeUndefined();
    leave();
    change(3, 'A', 1);
    store.flush();
    expect(onA).toHaveBeenCalledTimes(1);
  });
});

describe('pacedFrames', () => {
  it('the first at the next frame, the others a period apart', () => {
    vi.useFakeTimers();
    const frame = pacedFrames();
    const done: number[] = [];
    const begin = performance.now();
    frame(() => done.push(performance.now() - begin));
    vi.advanceTimersByTime(17);
    expect(done).toHaveLength(1);
    frame(() => done.push(performance.now() - begin));
    vi.advanceTimersByTime(PERIOD_MS - 20);
    expect(done).toHaveLength(1);
    vi.advanceTimersByTime(40);
    expect(done).toHaveLength(2);
    vi.advanceTimersByTime(1000);
    frame(() => done.push(performance.now() - begin));
    vi.advanceTimersByTime(17); // after a quiet time at once again
    expect(done).toHaveLength(3);
    vi.useRealTimers();
  });
});
