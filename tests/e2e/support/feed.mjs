// feed.mjs - What came over the sockets of a page, as the browser saw it: every message in order, and the
// rule that nothing is lost or doubled between a snapshot and the next.
import assert from 'node:assert/strict';

export class Feed {
  messages = []; // {socket, at, sent?, ...message}
  sockets = 0;

  /** Before the page is opened. */
  constructor(page) {
    page.on('websocket', (socket) => {
      const number = (this.sockets += 1);
      const take = (payload, sent) => {
        if (typeof payload === 'string') this.messages.push({ ...JSON.parse(payload), socket: number, at: Date.now(), ...(sent ? { sent } : {}) });
      };
      socket.on('framereceived', ({ payload }) => take(payload, false));
      socket.on('framesent', ({ payload }) => take(payload, true));
    });
  }

  of(op, test = () => true) {
    return this.messages.filter((message) => message.op === op && test(message));
  }

  /** Each view: a snapshot, or `resumed` at the number that was seen last, then numbers that grow by one. */
  followed() {
    const seen = new Map(); // view -> {socket, seq}
    let epoch;
    let steps = 0;
    for (const message of this.messages.filter(({ sent }) => !sent)) {
      const { op, id, seq, socket } = message;
      if (op === 'welcome') {
        if (epoch !== undefined && message.epoch !== epoch) seen.clear();
        epoch = message.epoch;
      } else if (op === 'snapshot') seen.set(id, { socket, seq });
      else if (op === 'resumed') {
        assert.equal(seq, seen.get(id)?.seq, `view ${id} resumed at another place`);
        seen.set(id, { socket, seq });
      } else if (op === 'delta') {
        const last = seen.get(id);
        assert.ok(last, `view ${id}: a delta before any snapshot`);
        assert.equal(last.socket, socket, `view ${id}: a delta on a new socket without a resume`);
        assert.equal(seq, last.seq + 1, `view ${id}: ${seq} after ${last.seq}`);
        seen.set(id, { socket, seq });
        steps += 1;
      }
    }
    return steps;
  }
}
