// client.ts - The link to the server: one WebSocket that comes back by itself. It turns what happens on
// the wire and in the browser into events of the reducer, and asks again where the reducer found a gap.
//
// It never decides what is true: rows, ages and states are the reducer's; what is shown is React's.
import { Decoder, type ServerMessage } from './decode';
import { SUBSCRIPTION, topicOf, type Topic } from './model';
import { sinceOf } from './reducer';
import type { LiveStore } from './store';

export const PROTOCOL = 'kw.live.v1';
export const BACKOFF_FIRST_MS = 500;
export const BACKOFF_LAST_MS = 15_000;
/** A tab that nobody looks at is quiet after this long. */
export const HIDDEN_PAUSE_MS = 30_000;
/** A topic that no component needs any more is kept for this long: people go back and forth. */
export const RELEASE_MS = 20_000;
/** An answer must come within this when we have a reason to doubt the link. */
export const DOUBT_MS = 2_500;

const CLOSE_SESSION_ENDED = 4401;
const CLOSE_NOT_ALLOWED = 4403;
const CLOSE_TOO_MANY = 4429;

export interface LiveClientOptions {
  readonly store: LiveStore;
  readonly connect: () => WebSocket;
  /** Why did the link fail before the welcome? A browser hides the 401 of an upgrade. */
  readonly probeSession: () => Promise<'signed-in' | 'signed-out' | 'unreachable'>;
  /** A frame that is not what docs/api.md says. The link is made anew. */
  readonly onWireError?: (error: unknown) => void;
  readonly random?: () => number;
}

export class LiveClient {
  private socket: WebSocket | null = null;
  private decoder = new Decoder();
  private welcomed = false;
  private attempt = 0;
  private running = false;
  private paused = false;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private watchdog: ReturnType<typeof setTimeout> | undefined;
  private hiddenTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly users = new Map<Topic, number>();
  private readonly releases = new Map<Topic, ReturnType<typeof setTimeout>>();

  constructor(private readonly options: LiveClientOptions) {}

  start(): void {
    if (this.running) return;
    this.running = true;
    document.addEventListener('visibilitychange', this.onVisibility);
    window.addEventListener('pageshow', this.onPageShow);
    window.addEventListener('pagehide', this.onPageHide);
    window.addEventListener('online', this.retryNow);
    this.open();
  }

  stop(): void {
    this.running = false;
    document.removeEventListener('visibilitychange', this.onVisibility);
    window.removeEventListener('pageshow', this.onPageShow);
    window.removeEventListener('pagehide', this.onPageHide);
    window.removeEventListener('online', this.retryNow);
    clearTimeout(this.hiddenTimer);
    clearTimeout(this.retryTimer);
    this.drop();
  }

  /** Ask for a topic; the answer ends the need. Several needs share one subscription. */
  need(topic: Topic): () => void {
    clearTimeout(this.releases.get(topic));
    this.releases.delete(topic);
    const count = this.users.get(topic) ?? 0;
    this.users.set(topic, count + 1);
    const { store } = this.options;
    store.flush();
    if (store.getState().views[topic] === undefined) {
      store.dispatch({ type: 'topic-needed', topic });
      store.flush();
      if (this.welcomed && !this.paused) this.subscribe(topic);
    }
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.unneed(topic);
    };
  }

  /** The person asked, or the network is said to be back: do not wait for the timer. */
  retryNow = (): void => {
    if (!this.running || this.socket !== null || this.paused) return;
    clearTimeout(this.retryTimer);
    this.open();
  };

  /** After a new sign-in on the same page. */
  signedIn(): void {
    this.attempt = 0;
    this.retryNow();
  }

  private unneed(topic: Topic): void {
    const count = (this.users.get(topic) ?? 1) - 1;
    this.users.set(topic, count);
    if (count > 0) return;
    this.releases.set(
      topic,
      setTimeout(() => {
        this.releases.delete(topic);
        this.users.delete(topic);
        this.options.store.dispatch({ type: 'topic-released', topic });
        if (this.welcomed) this.send({ op: 'unsubscribe', id: SUBSCRIPTION[topic] });
      }, RELEASE_MS),
    );
  }

  private open(): void {
    this.decoder = new Decoder();
    this.welcomed = false;
    this.options.store.dispatch({ type: 'connect-started' });
    let socket: WebSocket;
    try {
      socket = this.options.connect();
    } catch (error) {
      this.options.onWireError?.(error);
      this.later();
      return;
    }
    this.socket = socket;
    socket.addEventListener('message', (event: MessageEvent) => {
      if (socket === this.socket) this.onFrame(event.data);
    });
    socket.addEventListener('close', (event: CloseEvent) => {
      if (socket === this.socket) void this.onClose(event.code);
    });
    this.watch(BACKOFF_LAST_MS);
  }

  private onFrame(data: unknown): void {
    let message: ServerMessage;
    try {
      if (typeof data !== 'string') throw new TypeError('a binary frame');
      message = this.decoder.decode(data);
    } catch (error) {
      this.options.onWireError?.(error);
      this.lose();
      return;
    }
    this.take(message, Date.now());
  }

  private take(message: ServerMessage, atMs: number): void {
    const { store } = this.options;
    switch (message.op) {
      case 'welcome':
        this.welcomed = true;
        this.attempt = 0;
        store.dispatch({ ...message, type: 'welcome-received', atMs });
        store.flush();
        for (const view of Object.values(store.getState().views)) this.subscribe(view.topic);
        if (this.paused) this.pause(); // it was still connecting when the tab was hidden
        break;
      case 'snapshot':
      case 'delta':
        store.dispatch({ type: `${message.op}-received`, seq: message.seq, change: message.change, atMs });
        this.follow(message.change.topic, message.seq, message.op === 'delta');
        break;
      case 'resumed':
        this.expected.set(topicOf(message.id) ?? 'feed', message.seq + 1);
        store.dispatch({ type: 'resumed-received', id: message.id, seq: message.seq, atMs });
        break;
      case 'heartbeat':
        store.dispatch({ type: 'heartbeat-received', serverMs: message.serverMs, atMs });
        break;
      case 'error':
        if (message.id !== null) store.dispatch({ type: 'view-refused', id: message.id, code: message.code, atMs });
        break;
      case 'pong':
      case 'other':
        store.dispatch({ type: 'heartbeat-received', serverMs: null, atMs });
    }
    // Two heartbeats may be late together; then the link is dead even if nobody closed it.
    this.watch(store.getState().heartbeatS * 2000 + 2000);
  }

  /** The number that must come next in each topic. */
  private readonly expected = new Map<Topic, number>();

  /** Events wait for a frame, but a hole must be asked about now and only once. */
  private follow(topic: Topic, seq: number, isDelta: boolean): void {
    const follows = !isDelta || this.expected.get(topic) === seq;
    this.expected.set(topic, seq + 1);
    if (follows) return;
    const { store } = this.options;
    store.flush();
    if (store.getState().views[topic]?.status !== 'gap') return;
    this.send({ op: 'unsubscribe', id: SUBSCRIPTION[topic] });
    this.subscribe(topic);
  }

  private subscribe(topic: Topic): void {
    const since = sinceOf(this.options.store.getState(), topic);
    this.send({ op: 'subscribe', id: SUBSCRIPTION[topic], topic, ...(since === null ? {} : { since }) });
  }

  private send(message: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private watch(withinMs: number): void {
    clearTimeout(this.watchdog);
    if (!this.paused) this.watchdog = setTimeout(() => this.lose(), withinMs);
  }

  /** Forget the socket without waiting for it: a frozen link may take minutes to close. */
  private drop(): void {
    clearTimeout(this.watchdog);
    const socket = this.socket;
    this.socket = null;
    this.welcomed = false;
    socket?.close();
  }

  private lose(): void {
    this.drop();
    this.later();
  }

  private async onClose(code: number): Promise<void> {
    const wasWelcomed = this.welcomed;
    this.drop();
    if (code === CLOSE_SESSION_ENDED) {
      this.options.store.dispatch({ type: 'session-ended' });
      return;
    }
    if (code === CLOSE_TOO_MANY || code === CLOSE_NOT_ALLOWED) this.attempt = Math.max(this.attempt, 5);
    this.later();
    if (wasWelcomed || !this.running) return;
    if ((await this.options.probeSession()) === 'signed-out' && this.socket === null) {
      clearTimeout(this.retryTimer);
      this.options.store.dispatch({ type: 'session-ended' });
    }
  }

  /** Next attempt: 0.5 s doubling to 15 s, between half and all of it, so that 50 browsers spread out. */
  private later(): void {
    if (!this.running) return;
    const full = Math.min(BACKOFF_LAST_MS, BACKOFF_FIRST_MS * 2 ** this.attempt);
    const delay = full * (0.5 + 0.5 * (this.options.random ?? Math.random)());
    this.attempt += 1;
    const atMs = Date.now();
    if (this.paused) {
      this.options.store.dispatch({ type: 'tab-paused' });
      return;
    }
    this.options.store.dispatch({ type: 'link-lost', atMs, retryAtMs: atMs + delay });
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => this.open(), delay);
  }

  private onVisibility = (): void => {
    clearTimeout(this.hiddenTimer);
    if (document.visibilityState === 'hidden') {
      this.hiddenTimer = setTimeout(() => this.pause(), HIDDEN_PAUSE_MS);
    } else {
      this.wake();
    }
  };

  private pause(): void {
    if (this.options.store.getState().link.is === 'signed-out') return;
    this.paused = true;
    clearTimeout(this.watchdog);
    clearTimeout(this.retryTimer);
    this.send({ op: 'pause' });
    this.options.store.dispatch({ type: 'tab-paused' });
  }

  /** Looked at again: a sleeping link may be dead without knowing it, so it must answer soon. */
  private wake(): void {
    const wasPaused = this.paused;
    this.paused = false;
    if (!this.running || this.options.store.getState().link.is === 'signed-out') return;
    if (this.socket === null) {
      clearTimeout(this.retryTimer);
      this.attempt = 0;
      this.options.store.dispatch({ type: 'link-lost', atMs: Date.now(), retryAtMs: Date.now() });
      this.open();
      return;
    }
    if (!this.welcomed) {
      this.watch(BACKOFF_LAST_MS);
      return;
    }
    if (wasPaused) {
      this.options.store.dispatch({ type: 'tab-resumed' });
      this.send({ op: 'resume' });
    }
    this.send({ op: 'ping' });
    this.watch(DOUBT_MS);
  }

  /** Back from the browser's page cache: every socket of before is gone. */
  private onPageShow = (event: PageTransitionEvent): void => {
    if (!event.persisted) return;
    this.drop();
    this.wake();
  };

  private onPageHide = (event: PageTransitionEvent): void => {
    if (event.persisted) this.drop();
  };
}
