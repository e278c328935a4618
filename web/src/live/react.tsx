// react.tsx - Components read the living state through here: a selection of it, one row, or the age of
// a value. Each re-renders only when what it reads has changed.
import {
  createContext,
  useCallback,
  useContext,
  useEffect,
  useRef,
  useSyncExternalStore,
  type ReactNode,
} from 'react';
import type { LiveClient } from './client';
import type { RowOf, TableTopic, Topic } from './model';
import type { LiveState } from './reducer';
import type { LiveStore } from './store';

interface Live {
  readonly store: LiveStore;
  readonly client: LiveClient;
}

const LiveContext = createContext<Live | null>(null);

export function LiveProvider({ live, children }: { readonly live: Live; readonly children: ReactNode }) {
  return <LiveContext.Provider value={live}>{children}</LiveContext.Provider>;
}

function useLiveContext(): Live {
  const live = useContext(LiveContext);
  if (live === null) throw new Error('no LiveProvider above');
  return live;
}

export const useLiveClient = (): LiveClient => useLiveContext().client;
export const useLiveStore = (): LiveStore => useLiveContext().store;

/** Keep a topic subscribed while the component is there. */
export function useTopic(topic: Topic): void {
  const { client } = useLiveContext();
  useEffect(() => client.need(topic), [client, topic]);
}

export function shallowEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.is((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]))
  );
}

/** A selection of the state; an equal result (shallowly) does not render again. */
export function useLive<T>(select: (state: LiveState) => T): T {
  const { store } = useLiveContext();
  const last = useRef<{ value: T } | null>(null);
  const read = useCallback(() => {
    const value = select(store.getState());
    if (last.current !== null && shallowEqual(last.current.value, value)) return last.current.value;
    last.current = { value };
    return value;
  }, [store, select]);
  return useSyncExternalStore(store.subscribe, read);
}

export function useRow<T extends TableTopic>(topic: T, id: string): RowOf<T> | undefined {
  const { store } = useLiveContext();
  const subscribe = useCallback(
    (listener: () => void) => store.subscribeRow(topic, id, listener),
    [store, topic, id],
  );
  return useSyncExternalStore(subscribe, () => store.row(topic, id));
}

// One clock for all ages on the page, ticking each second while somebody listens.
const tickListeners = new Set<() => void>();
let tickTimer: ReturnType<typeof setInterval> | undefined;
let tickMs = Date.now();

function subscribeTick(listener: () => void): () => void {
  if (tickListeners.size === 0) {
    tickMs = Date.now();
    tickTimer = setInterval(() => {
      tickMs = Date.now();
      for (const each of tickListeners) each();
    }, 1000);
  }
  tickListeners.add(listener);
  return () => {
    tickListeners.delete(listener);
    if (tickListeners.size === 0) clearInterval(tickTimer);
  };
}

/** A row as it was at the last second: for hundreds in sight at once, where a paint of all of them costs. */
export function useRowEachSecond<T extends TableTopic>(topic: T, id: string): RowOf<T> | undefined {
  const { store } = useLiveContext();
  return useSyncExternalStore(subscribeTick, () => store.row(topic, id));
}

const selectOffset = (state: LiveState) => state.clockOffsetMs;

/** Our clock, once a second. */
export const useNow = (): number => useSyncExternalStore(subscribeTick, () => tickMs);

/** The server's clock, once a second: ages of its values are measured with it. */
export const useServerNow = (): number => useNow() + useLive(selectOffset);
