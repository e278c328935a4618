// wall-layout.ts - Where each station stands on the wall: a column for each node at the top, a box for each
// board below it, tiles by number. A place depends on the registry only, never on a live value: a place on
// the wall is a place in the car park.
import { ancestry, type Nodes } from '@/components/station/path';
import type { StationRow } from '@/live/model';

export interface Tile {
  readonly id: string;
  /** The number alone where it is enough to tell the stations apart. */
  readonly label: string;
}

export interface Box {
  /** Null: stations that hang nowhere. */
  readonly nodeId: string | null;
  /** With the name above where the same name stands in several columns ("DB-1 / F1"). */
  readonly name: string | null;
  readonly tiles: readonly Tile[];
}

export interface Column {
  readonly nodeId: string | null;
  readonly boxes: readonly Box[];
  /** Tiles of all its boxes: the share of the width. */
  readonly count: number;
}

const numeric = new Intl.Collator(undefined, { numeric: true });

/** "EV-0042" is "042" among five hundred; ids without a number of their own stay whole. */
export function labelsOf(ids: readonly string[]): ReadonlyMap<string, string> {
  const numbers = ids.map((id) => /(\d{1,9})$/u.exec(id)?.[1]);
  const known = numbers.filter((digits) => digits !== undefined).map(Number);
  if (known.length < ids.length || new Set(known).size < ids.length) return new Map(ids.map((id) => [id, id]));
  const width = Math.max(...known).toString().length;
  return new Map(ids.map((id, index) => [id, (known[index] ?? 0).toString().padStart(width, '0')]));
}

/** A single node at the top says nothing: the level below it makes the columns. */
function topDepth(nodes: Nodes): number {
  const roots = [...nodes.values()].filter((node) => node.parentId === null || !nodes.has(node.parentId));
  return roots.length === 1 ? 1 : 0;
}

export function wallOf(stations: Iterable<StationRow>, nodes: Nodes): readonly Column[] {
  const depth = topDepth(nodes);
  const sorted = [...stations].toSorted((a, b) => numeric.compare(a.id, b.id));
  const labels = labelsOf(sorted.map((station) => station.id));
  const columns = new Map<string | null, Map<string | null, Tile[]>>();
  for (const { id, nodeId } of sorted) {
    const path = ancestry(nodes, nodeId);
    const top = (path[depth] ?? path.at(-1))?.id ?? null;
    const board = (path[depth + 1] ?? path[depth] ?? path.at(-1))?.id ?? null;
    const boxes = columns.get(top) ?? new Map<string | null, Tile[]>();
    columns.set(top, boxes);
    const tiles = boxes.get(board) ?? [];
    boxes.set(board, tiles);
    tiles.push({ id, label: labels.get(id) ?? id });
  }
  const nameOf = (id: string | null) => (id === null ? null : (nodes.get(id)?.name ?? id));
  const byName = (a: { nodeId: string | null }, b: { nodeId: string | null }) =>
    numeric.compare(nameOf(a.nodeId) ?? '\uffff', nameOf(b.nodeId) ?? '\uffff');
  const seen = new Map<string | null, number>();
  for (const boxes of columns.values()) {
    for (const name of [...boxes.keys()].map(nameOf)) seen.set(name, (seen.get(name) ?? 0) + 1);
  }
  return [...columns]
    .map(([nodeId, boxes]) => {
      const list = [...boxes].map(([boardId, tiles]) => {
        const name = nameOf(boardId);
        return { nodeId: boardId, name: seen.get(name) === 1 ? name : `${nameOf(nodeId)} / ${name}`, tiles };
      });
      return { nodeId, boxes: list.toSorted(byName), count: list.reduce((sum, box) => sum + box.tiles.length, 0) };
    })
    .toSorted(byName);
}

/** Changes exactly when a place may: ids and where they hang, the tree and its names. */
export function wallKey(stations: Iterable<StationRow>, nodes: Nodes): string {
  let key = '';
  for (const node of nodes.values()) key += `${node.id}\t${node.parentId}\t${node.name}\n`;
  for (const station of stations) key += `${station.id}\t${station.nodeId}\n`;
  return key;
}
