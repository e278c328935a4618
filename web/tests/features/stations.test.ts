// stations.test.ts - What the list shows: filters, the address, the order, the scale.
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { nodePath, shortPath } from '@/components/station/path';
import { countGroups, filterStations, sumUp } from '@/features/stations/filter';
import { barOf, scaleOf } from '@/features/stations/scale';
import { readGroups, readSort, stationsSearch, writeGroups, writeSort } from '@/features/stations/search';
import { targetOf } from '@/features/stations/table';
import { labelsOf, wallKey, wallOf } from '@/features/stations/wall-layout';
import type { Milliamps, WattHours, Watts } from '@/live/units';
import { nodeRow, stationRow } from '../live/rows';

const nodes = new Map(
  [
    nodeRow('t1', { name: 'Т1' }),
    nodeRow('db', { name: 'ЩР-2.3 Ёлки', parentId: 't1' }),
    nodeRow('a', { name: 'loop a', parentId: 'b' }),
    nodeRow('b', { name: 'loop b', parentId: 'a' }),
  ].map((node) => [node.id, node]),
);
const ma = (value: number) => value as Milliamps;
const stations = new Map(
  [
    stationRow('EV-1', { state: 'charging', nodeId: 'db', driverName: 'Орлова Е. С.', powerW: 7000 as Watts, energyWh: 1000 as WattHours }),
    stationRow('EV-2', { state: 'unknown', name: 'Ворота' }),
    stationRow('EV-3', { state: 'reserved', nodeId: 't1', powerW: 1 as Watts }),
    stationRow('EV-4', { state: 'faulted' }),
  ].map((station) => [station.id, station]),
);
const ids = (text: string, groups = '') =>
  filterStations(stations, nodes, { text, groups: readGroups(groups) }).map((station) => station.id);

describe('filter', () => {
  it('finds by id, name, driver, and any node above', () => {
    expect(ids('ev-2')).toEqual(['EV-2']);
    expect(ids(' ворота ')).toEqual(['EV-2']);
    expect(ids('орлова')).toEqual(['EV-1']);
    expect(ids('т1')).toEqual(['EV-1', 'EV-3']);
    expect(ids('елки')).toEqual(['EV-1']); // ё or е, nobody types it right
    expect(ids('nobody')).toEqual([]);
  });

  it('states by group, any of them', () => {
    expect(ids('', 'offline')).toEqual(['EV-2']);
    expect(ids('', 'occupied,faulted')).toEqual(['EV-3', 'EV-4']);
    expect(ids('т1', 'charging')).toEqual(['EV-1']);
  });

  it('counts what each choice would show', () => {
    expect(countGroups(stations, nodes, { text: '' })).toMatchObject({ charging: 1, occupied: 1, faulted: 1, offline: 1, available: 0 });
    expect(countGroups(stations, nodes, { text: 'т1' })).toMatchObject({ charging: 1, occupied: 1, faulted: 0, offline: 0 });
  });

  it('a node means all below it', () => {
    const below = (nodeId: string) =>
      filterStations(stations, nodes, { text: '', groups: [], nodeId }).map((station) => station.id);
    expect(below('t1')).toEqual(['EV-1', 'EV-3']);
    expect(below('db')).toEqual(['EV-1']);
    expect(below('gone')).toEqual([]);
    expect(countGroups(stations, nodes, { text: '', nodeId: 'db' })).toMatchObject({ charging: 1, occupied: 0 });
  });

  it('sums what is known', () => {
    expect(sumUp([...stations.values()])).toEqual({ count: 4, powerW: 7001, energyWh: 1000 });
  });

  it('a loop of nodes ends', () => {
    expect(nodePath(nodes, 'a').length).toBeLessThan(40);
    expect(nodePath(nodes, 'gone')).toEqual([]);
    expect(shortPath(nodes, 'db')).toBe('Т1 / ЩР-2.3 Ёлки');
  });
});

describe('address', () => {
  it('keeps what is right', () => {
    const search = { state: 'charging,faulted', q: 'ЩР-2', sort: '-power', open: 'EV-1' };
    expect(v.parse(stationsSearch, search)).toEqual(search);
  });

  it.each([
    { state: 'DROP TABLE' },
    { state: ['charging'] },
    { q: 'x'.repeat(101) },
    { sort: '--power' },
    { open: '' },
    { node: '' },
    { open: { $ne: 1 } },
    { other: '1' },
  ])('drops %j', (search) => {
    expect(Object.values(v.parse(stationsSearch, search)).filter((value) => value !== undefined)).toEqual([]);
  });

  it('groups and order go there and back', () => {
    expect(readGroups('faulted,nonsense,charging')).toEqual(['charging', 'faulted']);
    expect(writeGroups(readGroups('charging'))).toBe('charging');
    expect(writeGroups([])).toBeUndefined();
    expect(readSort('-power')).toEqual({ column: 'power', desc: true });
    expect(readSort('__proto__')).toEqual({ column: 'station', desc: false });
    expect(writeSort({ column: 'station', desc: false })).toBeUndefined();
    expect(writeSort({ column: 'power', desc: true })).toBe('-power');
  });
});

describe('bars', () => {
  it('share one scale: the smallest rating that holds all', () => {
    expect(scaleOf([])).toBe(32_000);
    expect(scaleOf([stationRow('A', { limitMa: ma(63_000) })])).toBe(63_000);
    expect(scaleOf([stationRow('A', { currentMa: [ma(700_000), null, null] })])).toBe(700_000);
  });

  it('silent is unknown, idle is empty, charging is its highest phase with the limit as a tick', () => {
    expect(barOf(stationRow('A', { state: 'offline', currentMa: [ma(16_000), null, null] }), 32_000)).toEqual({ fill: null, tick: null });
    expect(barOf(stationRow('A', { limitMa: ma(16_000) }), 32_000)).toEqual({ fill: 0, tick: null });
    const charging = stationRow('A', { state: 'charging', transactionId: 'A~1', currentMa: [ma(8000), ma(16_000), null], limitMa: ma(24_000) });
    expect(barOf(charging, 32_000)).toEqual({ fill: 500, tick: 750 });
    expect(barOf({ ...charging, currentMa: [null, null, null] }, 32_000)).toEqual({ fill: null, tick: 750 });
  });
});

it('keys walk the rows and stop at the ends', () => {
  expect(targetOf('j', 0, 9)).toBe(1);
  expect(targetOf('k', 0, 9)).toBe(0);
  expect(targetOf('ArrowDown', 9, 9)).toBe(9);
  expect(targetOf('PageDown', 3, 9)).toBe(9);
  expect(targetOf('Home', 5, 9)).toBe(0);
  expect(targetOf('End', 5, 9)).toBe(9);
  expect(targetOf('x', 5, 9)).toBeUndefined();
});

const key = (row: ReturnType<typeof stationRow>) => wallKey([row], nodes);

describe('wall', () => {
  it('a column for each node at the top, a box for each board, tiles by number', () => {
    const tree = new Map(
      [
        nodeRow('grid', { name: 'grid' }),
        nodeRow('t2', { name: 'T2', parentId: 'grid' }),
        nodeRow('t1', { name: 'T1', parentId: 'grid' }),
        nodeRow('b10', { name: 'B10', parentId: 't1' }),
        nodeRow('b2', { name: 'B2', parentId: 't1' }),
        nodeRow('f', { name: 'F', parentId: 'b2' }),
      ].map((node) => [node.id, node]),
    );
    const rows = [
      stationRow('EV-10', { nodeId: 'f' }),
      stationRow('EV-2', { nodeId: 'f' }),
      stationRow('EV-3', { nodeId: 'b10' }),
      stationRow('EV-4', { nodeId: 't2' }),
      stationRow('EV-5', { nodeId: null }),
    ];
    const shape = wallOf(rows, tree).map((column) => [
      column.nodeId,
      column.count,
      column.boxes.map((box) => [box.nodeId, box.tiles.map((tile) => tile.label).join(' ')]),
    ]);
    expect(shape).toEqual([
      ['t1', 3, [['b2', '02 10'], ['b10', '03']]],
      ['t2', 1, [['t2', '04']]],
      [null, 1, [[null, '05']]],
    ]);
  });

  it('a name that stands in several columns is told with the one above', () => {
    const tree = new Map(
      [nodeRow('a', { name: 'A' }), nodeRow('b', { name: 'B' }), nodeRow('a1', { name: 'F1', parentId: 'a' }), nodeRow('b1', { name: 'F1', parentId: 'b' }), nodeRow('b2', { name: 'F2', parentId: 'b' })].map((node) => [node.id, node]),
    );
    const rows = ['a1', 'b1', 'b2', 'b'].map((nodeId, index) => stationRow(`EV-${index}`, { nodeId }));
    const names = wallOf([...rows, stationRow('EV-9', { nodeId: null })], tree).flatMap((column) => column.boxes.map((box) => box.name));
    expect(names).toEqual(['A / F1', 'B', 'B / F1', 'F2', null]);
  });

  it('a live value changes no place, a move does', () => {
    expect(key(stationRow('EV-1', { powerW: 1 as Watts, state: 'faulted' }))).toBe(key(stationRow('EV-1', {})));
    expect(key(stationRow('EV-1', { nodeId: 'db' }))).not.toBe(key(stationRow('EV-1', {})));
  });

  it('numbers stand alone only where they tell the stations apart', () => {
    expect([...labelsOf(['EV-0001', 'EV-0120']).values()]).toEqual(['001', '120']);
    expect([...labelsOf(['A-1', 'B-1']).values()]).toEqual(['A-1', 'B-1']);
    expect([...labelsOf(['GATE', 'EV-1']).values()]).toEqual(['GATE', 'EV-1']);
  });
});
