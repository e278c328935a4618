// overview.test.ts - The sentence of state, the tree of nodes and what needs attention.
import { beforeAll, describe, expect, it } from 'vitest';
import { attentionOf } from '@/features/overview/attention';
import { details, sentence } from '@/features/overview/headline';
import { treeOrder } from '@/features/overview/node-loads';
import { setLocale, translate } from '@/i18n/i18n';
import { STATES, type ComplexDocument, type State } from '@/live/model';
import { initialState, type LiveState } from '@/live/reducer';
import type { Milliamps, Permille, Watts } from '@/live/units';
import { nodeRow, stationRow } from '../live/rows';

const counts = Object.fromEntries(STATES.map((state) => [state, 0])) as Record<State, number>;
const complex: ComplexDocument = {
  name: 'Northgate Park',
  zone: 'Europe/London',
  total: 500,
  counts: { ...counts, offline: 17, faulted: 5, available: 478 },
  powerW: 1_286_000 as Watts,
  currentMa: [null, null, null],
  limitMa: [null, null, null],
  limitW: 2_000_000 as Watts,
  energyTodayWh: null,
  activeTransactions: null,
  feed: { state: 'live', lagMs: null, lastEventMs: null },
};
const say = (change: Partial<ComplexDocument>, worst: { name: string; ratio: number } | null = null) =>
  sentence({ ...complex, ...change }, worst, translate, 'en').replaceAll('\u00a0', ' ');

describe('the sentence', () => {
  beforeAll(() => setLocale('en'));

  it('all right, with what is left', () => {
    expect(say({})).toBe('No overload. Load 1,286 kW of 2,000 kW, 714 kW to spare.');
  });
  it('only ampere limits: the closest phase', () => {
    const limits = { limitW: null, limitMa: [400_000, 400_000, 400_000] as unknown as ComplexDocument['limitMa'] };
    const currents = [100_000, 260_000, null] as unknown as ComplexDocument['currentMa'];
    expect(say({ ...limits, currentMa: currents })).toBe('No overload. Load 1,286 kW, 65% of the limit.');
  });
  it('no limit at all', () => {
    expect(say({ limitW: null })).toBe('No overload. Load 1,286 kW.');
  });
  it('an overloaded node is the first thing said', () => {
    expect(say({}, { name: 'DB-2.3', ratio: 1040 })).toBe('Overload: DB-2.3 at 104% of its limit. Load 1,286 kW.');
  });
  it('a whole complex over its limit', () => {
    expect(say({ powerW: 2_100_000 as Watts })).toBe('Overload: 105% of the limit. Load 2,100 kW.');
  });
  it('a lost feed is said before any number', () => {
    expect(say({ feed: { ...complex.feed, state: 'lost' } })).toContain('source of the stations is silent');
  });
  it('nothing measured is not zero', () => {
    expect(say({ powerW: null })).toBe('No load has been measured yet.');
  });
  it('the line below', () => {
    expect(details(complex, { name: 'DB-2.3', ratio: 940 }, translate, 'en')).toBe(
      '483 of 500 stations report · 5 faults · DB-2.3 at 94% of its limit',
    );
  });
});

it('nodes come in the order of the tree, siblings by number, orphans at the top', () => {
  const nodes = [
    nodeRow('t', { name: 'T' }),
    nodeRow('b10', { name: 'DB-10', parentId: 't' }),
    nodeRow('b2', { name: 'DB-2', parentId: 't' }),
    nodeRow('f', { name: 'F1', parentId: 'b2' }),
    nodeRow('o', { name: 'A', parentId: 'not-visible' }),
  ];
  expect(treeOrder(new Map(nodes.map((node) => [node.id, node])))).toBe('0:o|0:t|1:b2|2:f|1:b10');
});

it('attention: faults, then nodes by load, then the silent', () => {
  const state: LiveState = {
    ...initialState,
    tables: {
      ...initialState.tables,
      stations: new Map(
        [stationRow('B', { state: 'offline' }), stationRow('A', { state: 'faulted' }), stationRow('C')].map((row) => [row.id, row]),
      ),
      nodes: new Map(
        [
          nodeRow('low', { ratio: 900 as Permille }),
          nodeRow('near', { ratio: 901 as Permille, currentMa: [1 as Milliamps, null, null] }),
          nodeRow('over', { ratio: 1200 as Permille }),
        ].map((row) => [row.id, row]),
      ),
    },
  };
  expect(attentionOf(state)).toBe('over:over|fault:A|near:near|silent:B');
  expect(attentionOf(initialState)).toBe('');
});
