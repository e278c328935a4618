// wire.test.ts - The decoder against tests/wire/live.json, which the C tests read too: both sides hold the
// same samples, so neither can drift alone.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Decoder } from '@/live/decode';
import { SUBSCRIPTION, type Topic } from '@/live/model';

const wire = JSON.parse(readFileSync('../tests/wire/live.json', 'utf8'));

function welcomed(welcome: object = wire.welcome): Decoder {
  const decoder = new Decoder();
  decoder.decode(JSON.stringify(welcome));
  return decoder;
}

function snapshot(topic: Topic, data: unknown, decoder = welcomed()) {
  const message = decoder.decode(JSON.stringify({ op: 'snapshot', id: SUBSCRIPTION[topic], seq: 42, data }));
  if (message.op !== 'snapshot') throw new Error(message.op);
  return message;
}

describe('wire samples', () => {
  it('reads the welcome', () => {
    const message = new Decoder().decode(JSON.stringify(wire.welcome));
    expect(message).toEqual({
      op: 'welcome',
      epoch: '3f9c2a7be0514d68',
      serverMs: Date.UTC(2026, 0, 1),
      heartbeatS: 5,
    });
  });

  it('reads stations with their connectors', () => {
    const { change } = snapshot('stations', wire.stations);
    expect(change.topic).toBe('stations');
    if (change.topic !== 'stations') return;
    expect(change.rows).toHaveLength(2);
    expect(change.rows[0]).toMatchObject({
      id: 'EV-1',
      nodeId: 'A1',
      online: true,
      state: 'charging',
      powerW: 11000,
      currentMa: [16000, 16000, 15900],
      limitMa: null,
      energyWh: 200,
      transactionId: 'EV-1~7',
      startedMs: 1767225601000,
      stale: false,
    });
    expect(change.rows[0]?.connectors[0]).toMatchObject({ id: 1, status: 'Charging', keyUid: '04A1', socPct: null });
    expect(change.rows[1]).toMatchObject({ state: 'unknown', powerW: null, asOfMs: null });
  });

  it('reads nodes and transactions', () => {
    const nodes = snapshot('nodes', wire.nodes).change;
    if (nodes.topic !== 'nodes') throw new Error(nodes.topic);
    expect(nodes.rows[1]).toMatchObject({ id: 'A1', parentId: 'A', ratio: 253, limitW: null, stations: 2, charging: 1 });
    expect(nodes.rows[2]).toMatchObject({ powerW: 0, ratio: 0 });
    const transactions = snapshot('transactions', wire.transactions).change;
    if (transactions.topic !== 'transactions') throw new Error(transactions.topic);
    expect(transactions.rows[0]).toMatchObject({ id: 'EV-1~7', stationId: 'EV-1', connectorId: 1, energyWh: 200 });
  });

  it('reads the documents', () => {
    const complex = snapshot('complex', wire.complex).change;
    if (complex.topic !== 'complex') throw new Error(complex.topic);
    expect(complex.document).toMatchObject({ total: 2, powerW: 11000, limitW: 250000, activeTransactions: 1 });
    expect(complex.document.counts.charging).toBe(1);
    const feed = snapshot('feed', wire.feed).change;
    if (feed.topic !== 'feed') throw new Error(feed.topic);
    expect(feed.document).toEqual({ state: 'live', lagMs: 120, lastEventMs: Date.UTC(2026, 0, 1, 0, 0, 10) });
  });

  it('reads every other message', () => {
    const decoder = welcomed();
    const read = wire.messages.map((message: object) => decoder.decode(JSON.stringify(message)));
    expect(read.map((message: { op: string }) => message.op)).toEqual([
      'resumed',
      'heartbeat',
      'error',
      'error',
      'pong',
      'other',
    ]);
    expect(read[2]).toEqual({ op: 'error', id: 4, code: 'forbidden' });
    expect(read[3]).toEqual({ op: 'error', id: null, code: 'bad-request' });
  });

  it.each<{ why: string; text: string }>(wire.refused)('refuses $why', ({ text }) => {
    expect(() => new Decoder().decode(text)).toThrow();
  });
});

describe('columns are found by name', () => {
  it('in another order, with one that is not known', () => {
    const names: string[] = wire.welcome.schema.transactions;
    const order = names.toReversed();
    const decoder = welcomed({
      ...wire.welcome,
      schema: { ...wire.welcome.schema, transactions: ['colour', ...order] },
    });
    const row = wire.transactions[0] as unknown[];
    const moved = ['blue', ...order.map((name) => row[names.indexOf(name)])];
    const { change } = snapshot('transactions', [moved], decoder);
    if (change.topic !== 'transactions') throw new Error(change.topic);
    expect(change.rows[0]).toMatchObject({ id: 'EV-1~7', stationId: 'EV-1', powerW: 11000 });
  });

  it('and a wrong type names its column', () => {
    const row = [...wire.transactions[0]];
    row[8] = '11 kW';
    expect(() => snapshot('transactions', [row])).toThrow('transactions.power_w: expected a whole number');
  });

  it('and a state of a newer server is unknown, not refused', () => {
    const row = structuredClone(wire.stations[1]);
    row[4] = 'dreaming';
    const { change } = snapshot('stations', [row]);
    if (change.topic !== 'stations') throw new Error(change.topic);
    expect(change.rows[0]?.state).toBe('unknown');
  });
});
