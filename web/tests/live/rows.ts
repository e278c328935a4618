// rows.ts - Rows for tests: everything null, except what a test says.
import type { NodeRow, StationRow } from '@/live/model';

export function stationRow(id: string, values: Partial<StationRow> = {}): StationRow {
  return {
    id,
    name: '',
    nodeId: null,
    online: true,
    state: 'available',
    powerW: null,
    currentMa: [null, null, null],
    limitMa: null,
    offeredMa: null,
    energyWh: null,
    transactionId: null,
    driverName: null,
    startedMs: null,
    errorCode: null,
    asOfMs: null,
    stale: false,
    connectors: [],
    ...values,
  };
}

export function nodeRow(id: string, values: Partial<NodeRow> = {}): NodeRow {
  return {
    id,
    parentId: null,
    kind: 'switchboard',
    name: id,
    powerW: null,
    currentMa: [null, null, null],
    limitMa: [null, null, null],
    limitW: null,
    ratio: null,
    asOfMs: null,
    stale: false,
    stations: 0,
    charging: 0,
    ...values,
  };
}
