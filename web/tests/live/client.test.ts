// client.test.ts - The link against a socket of the test's own: subscriptions, holes, loss and return,
// hidden tabs, ended sessions. Time is the test's too.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readFileSync } from 'node:fs';
import { BACKOFF_LAST_MS, DOUBT_MS, HIDDEN_PAUSE_MS, LiveClient, RELEASE_MS } from '@/live/client';
import { isFresh } from '@/live/reducer';
import { LiveStore } from '@/live/store';

const wire = JSON.parse(readFileSync('../tests/wire/live.json', 'utf8'));

class FakeSocket extends EventTarget {
  readyState: number = WebSocket.CONNECTING;
  sent: Record<string, unknown>[] = [];
  closed = false;
  send(text: string) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.closed = true;
    this.readyState = WebSocket.CLOSED;
  }
  open() {
    this.readyState = WebSocket.OPEN;
    this.dispatchEvent(new Event('open'));
  }
  receive(message: object | string) {
    const data = typeof message === 'string' ? message : JSON.stringify(message);
    this.dispatchEvent(new MessageEvent('message', { data }));
  }
  end(code: number) {
    this.readyState = WebSocket.CLOSED;
    this.dispatchEvent(new CloseEvent('close', { code }));
  }
  subscribed = () => this.sent.filter((message) => message['op'] === 'subscribe');
}

let sockets: FakeSocket[];
let store: LiveStore;
let client: LiveClient;
let session: 'signed-in' | 'signed-out' | 'unreachable';
const onWireError = vi.fn();

const socket = (): FakeSocket => {
  const last = sockets.at(-1);
  if (last === undefined) throw new Error('no socket was opened');
  return last;
};
const link = () => {
  store.flush();
  return store.getState().link.is;
};
const settle = () => vi.advanceTimersByTimeAsync(0);

function welcome(epoch = 'e1') {
  socket().open();
  socket().receive({ ...wire.welcome, epoch, server_at: new Date().toISOString() });
}
const stations = (seq: number, op = 'snapshot') => socket().receive({ op, id: 4, seq, data: wire.stations });

/** Time passes on a link that is well. */
function beats(ms: number) {
  for (let left = ms; left > 0; left -= 5000) {
    vi.advanceTimersByTime(Math.min(5000, left));
    if (socket().readyState === WebSocket.OPEN) {
      socket().receive({ op: 'heartbeat', server_at: new Date().toISOString() });
    }
  }
}

function look(state: 'visible' | 'hidden') {
  vi.spyOn(document, 'visibilityState', 'get').mockReturnValue(state);
  document.dispatchEvent(new Event('visibilitychange'));
}

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  session = 'signed-in';
  onWireError.mockReset();
  store = new LiveStore((callback) => callback());
  client = new LiveClient({
    store,
    connect: () => {
      const made = new FakeSocket();
      sockets.push(made);
      return made as unknown as WebSocket;
    },
    probeSession: () => Promise.resolve(session),
    onWireError,
    random: () => 1, // the longest of each delay
  });
});

afterEach(() => {
  client.stop();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe('subscriptions', () => {
  it('are made at the welcome, with the same numbers everywhere', () => {
    client.need('stations');
    client.need('complex');
    client.start();
    expect(socket().sent).toEqual([]);
    welcome();
    expect(socket().sent).toEqual([
      { op: 'subscribe', id: 4, topic: 'stations' },
      { op: 'subscribe', id: 1, topic: 'complex' },
    ]);
    expect(link()).toBe('live');
  });

  it('later needs subscribe at once, shared ones once', () => {
    client.start();
    welcome();
    client.need('nodes');
    client.need('nodes');
    expect(socket().sent).toEqual([{ op: 'subscribe', id: 3, topic: 'nodes' }]);
  });

  it('end a while after the last need, not when somebody comes back', () => {
    client.start();
    welcome();
    const leave = client.need('stations');
    leave();
    leave();
    beats(RELEASE_MS - 1);
    const again = client.need('stations');
    beats(RELEASE_MS);
    expect(socket().sent).toHaveLength(1);
    again();
    beats(RELEASE_MS);
    expect(socket().sent.at(-1)).toEqual({ op: 'unsubscribe', id: 4 });
    expect(store.getState().views.stations).toBeUndefined();
  });
});

describe('a hole in the numbers', () => {
  it('is asked about once, without a since, and mended by the snapshot', () => {
    client.need('stations');
    client.start();
    welcome();
    stations(1);
    stations(3, 'delta');
    stations(4, 'delta');
    expect(socket().sent.slice(1)).toEqual([
      { op: 'unsubscribe', id: 4 },
      { op: 'subscribe', id: 4, topic: 'stations' },
    ]);
    stations(4);
    stations(5, 'delta');
    expect(store.getState().views.stations).toMatchObject({ status: 'live', seq: 5 });
  });
});

describe('a lost link', () => {
  beforeEach(() => {
    client.need('stations');
    client.start();
    welcome();
    stations(7);
  });

  it('comes back by itself and goes on from where it was', () => {
    socket().end(1006);
    expect(link()).toBe('reconnecting');
    expect(isFresh(store.getState())).toBe(false);
    vi.advanceTimersByTime(500);
    expect(sockets).toHaveLength(2);
    welcome();
    expect(socket().sent).toEqual([{ op: 'subscribe', id: 4, topic: 'stations', since: { epoch: 'e1', seq: 7 } }]);
    socket().receive({ op: 'resumed', id: 4, seq: 7 });
    stations(8, 'delta');
    expect(store.getState().views.stations).toMatchObject({ status: 'live', seq: 8 });
    expect(socket().sent).toHaveLength(1);
  });

  it('asks a restarted server for everything', () => {
    socket().end(1012);
    vi.advanceTimersByTime(500);
    welcome('e2');
    expect(socket().sent).toEqual([{ op: 'subscribe', id: 4, topic: 'stations' }]);
  });

  it('waits longer each time, and never longer than 15 s', async () => {
    const waits: number[] = [];
    for (let attempt = 0; attempt < 8; attempt += 1) {
      const before = Date.now();
      socket().end(1006);
      const count = sockets.length;
      // oxlint-disable-next-line no-await-in-loop
      while (sockets.length === count) await vi.advanceTimersByTimeAsync(100);
      waits.push(Date.now() - before);
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  });

  it('spreads out: half of the delay is chance', () => {
    client.stop();
    const shortest = new LiveClient({
      store,
      connect: () => {
        const made = new FakeSocket();
        sockets.push(made);
        return made as unknown as WebSocket;
      },
      probeSession: () => Promise.resolve('unreachable'),
      random: () => 0,
    });
    shortest.start();
    socket().end(1006);
    const count = sockets.length;
    vi.advanceTimersByTime(249);
    expect(sockets).toHaveLength(count);
    vi.advanceTimersByTime(1);
    expect(sockets).toHaveLength(count + 1);
    shortest.stop();
  });

  it('is tried at once when the person or the network asks', () => {
    socket().end(1006);
    window.dispatchEvent(new Event('online'));
    expect(sockets).toHaveLength(2);
    client.retryNow();
    expect(sockets).toHaveLength(2);
  });

  it('is found by its silence when nobody closes it', () => {
    socket().receive({ op: 'heartbeat', server_at: new Date().toISOString() });
    const frozen = socket();
    vi.advanceTimersByTime(11_999);
    expect(link()).toBe('live');
    vi.advanceTimersByTime(1);
    expect(link()).toBe('reconnecting');
    expect(frozen.closed).toBe(true);
    vi.advanceTimersByTime(500);
    frozen.receive({ op: 'delta', id: 4, seq: 8, data: wire.stations }); // too late: another link
    expect(store.getState().views.stations?.seq).toBe(7);
  });

  it('is not lost while heartbeats come', () => {
    for (let beat = 0; beat < 20; beat += 1) {
      vi.advanceTimersByTime(5000);
      socket().receive({ op: 'heartbeat', server_at: new Date().toISOString() });
    }
    expect(link()).toBe('live');
    expect(sockets).toHaveLength(1);
  });

  it('a frame that cannot be read is reported and makes the link anew', () => {
    socket().receive('{"op":');
    expect(onWireError).toHaveBeenCalledTimes(1);
    expect(link()).toBe('reconnecting');
    expect(socket().closed).toBe(true);
  });
});

describe('an ended session', () => {
  it('by the server', () => {
    client.start();
    welcome();
    socket().end(4401);
    expect(link()).toBe('signed-out');
    vi.advanceTimersByTime(60_000);
    expect(sockets).toHaveLength(1);
    client.signedIn();
    expect(sockets).toHaveLength(2);
    welcome();
    expect(link()).toBe('live');
  });

  it('before the welcome: the 401 that the browser hides', async () => {
    session = 'signed-out';
    client.start();
    socket().end(1006);
    await settle();
    expect(link()).toBe('signed-out');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sockets).toHaveLength(1);
  });

  it('a server that is down is not an ended session', async () => {
    session = 'unreachable';
    client.start();
    socket().end(1006);
    await settle();
    expect(link()).toBe('reconnecting');
    await vi.advanceTimersByTimeAsync(500);
    expect(sockets).toHaveLength(2);
  });

  it('too many links: waits long', () => {
    client.start();
    welcome();
    socket().end(4429);
    vi.advanceTimersByTime(BACKOFF_LAST_MS - 1);
    expect(sockets).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(sockets).toHaveLength(2);
  });
});

describe('a hidden tab', () => {
  beforeEach(() => {
    client.need('stations');
    client.start();
    welcome();
    stations(7);
  });

  it('is paused after a while and takes fresh snapshots when looked at', () => {
    look('hidden');
    beats(HIDDEN_PAUSE_MS - 1);
    expect(socket().sent).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(socket().sent.at(-1)).toEqual({ op: 'pause' });
    expect(link()).toBe('paused');
    vi.advanceTimersByTime(600_000); // nothing is sent to it, and that is no loss
    expect(sockets).toHaveLength(1);
    look('visible');
    expect(socket().sent.slice(-2)).toEqual([{ op: 'resume' }, { op: 'ping' }]);
    expect(isFresh(store.getState())).toBe(false);
    stations(99);
    expect(isFresh(store.getState())).toBe(true);
  });

  it('a short look away changes nothing', () => {
    look('hidden');
    vi.advanceTimersByTime(5000);
    look('visible');
    expect(socket().sent.at(-1)).toEqual({ op: 'ping' });
    expect(link()).toBe('live');
  });

  it('a link that died in its sleep is found soon', () => {
    look('hidden');
    beats(HIDDEN_PAUSE_MS);
    look('visible');
    vi.advanceTimersByTime(DOUBT_MS + 500);
    expect(sockets.length).toBeGreaterThan(1);
  });

  it('does not reconnect while nobody looks, and at once when somebody does', () => {
    look('hidden');
    beats(HIDDEN_PAUSE_MS);
    socket().end(1006);
    vi.advanceTimersByTime(600_000);
    expect(sockets).toHaveLength(1);
    look('visible');
    expect(sockets).toHaveLength(2);
    welcome();
    expect(socket().subscribed()[0]).toMatchObject({ since: { epoch: 'e1', seq: 7 } });
  });

  it('comes back from the page cache with a new link', () => {
    window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }));
    window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
    expect(sockets).toHaveLength(2);
    expect(link()).not.toBe('live');
  });
});

describe('stop', () => {
  it('closes and stays closed', () => {
    client.start();
    welcome();
    client.stop();
    expect(socket().closed).toBe(true);
    window.dispatchEvent(new Event('online'));
    vi.advanceTimersByTime(60_000);
    expect(sockets).toHaveLength(1);
  });
});
