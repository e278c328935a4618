// filter.ts - Which stations the list shows, and how many each state has. Pure; the text looks into the
// id, the name, the driver and the names of all nodes above.
import { ancestry, nodePath, type Nodes } from '@/components/station/path';
import { groupOf, type Group } from '@/components/station/words';
import type { StationRow } from '@/live/model';

const fold = (text: string): string => text.toLocaleLowerCase().replaceAll('ё', 'е');

export function matchesText(station: StationRow, nodes: Nodes, text: string): boolean {
  const wanted = fold(text.trim());
  if (wanted === '') return true;
  const places = [station.id, station.name, station.driverName ?? '', ...nodePath(nodes, station.nodeId)];
  return places.some((place) => fold(place).includes(wanted));
}

/** Which part of the stations is looked at: a text, and a node with all below it. */
export interface Scope {
  readonly text: string;
  readonly nodeId?: string | undefined;
}

export interface Filter extends Scope {
  readonly groups: readonly Group[];
}

function isInScope(station: StationRow, nodes: Nodes, { text, nodeId }: Scope): boolean {
  const isBelow = nodeId === undefined || ancestry(nodes, station.nodeId).some((node) => node.id === nodeId);
  return isBelow && matchesText(station, nodes, text);
}

export function filterStations(stations: ReadonlyMap<string, StationRow>, nodes: Nodes, filter: Filter): StationRow[] {
  return [...stations.values()].filter(
    (station) =>
      (filter.groups.length === 0 || filter.groups.includes(groupOf(station.state))) &&
      isInScope(station, nodes, filter),
  );
}

/** How many stations each choice of state would show: the scope counts, the states do not. */
export function countGroups(
  stations: ReadonlyMap<string, StationRow>,
  nodes: Nodes,
  scope: Scope,
): Readonly<Record<Group, number>> {
  const counts: Record<Group, number> = {
    charging: 0,
    paused: 0,
    occupied: 0,
    available: 0,
    faulted: 0,
    unavailable: 0,
    offline: 0,
  };
  for (const station of stations.values()) {
    if (isInScope(station, nodes, scope)) counts[groupOf(station.state)] += 1;
  }
  return counts;
}

export interface Sums {
  readonly count: number;
  readonly powerW: number;
  readonly energyWh: number;
}

export function sumUp(stations: readonly StationRow[]): Sums {
  let powerW = 0;
  let energyWh = 0;
  for (const station of stations) {
    powerW += station.powerW ?? 0;
    energyWh += station.energyWh ?? 0;
  }
  return { count: stations.length, powerW, energyWh };
}
