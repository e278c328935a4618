// words.ts - States and fault codes in words. One word for one thing in each language; a code that is not
// known here is shown as the station sent it.
import type { MessageId, Translate } from '@/i18n/i18n';
import type { State, StationRow } from '@/live/model';

export const STATE_WORD: Readonly<Record<State, MessageId>> = {
  charging: 'state.charging',
  suspended: 'state.suspended',
  preparing: 'state.preparing',
  finishing: 'state.finishing',
  reserved: 'state.reserved',
  available: 'state.available',
  faulted: 'state.faulted',
  unavailable: 'state.unavailable',
  offline: 'state.offline',
  unknown: 'state.unknown',
};

export function stateWord(state: State, status: string | null, t: Translate): string {
  if (state === 'suspended' && status === 'SuspendedEV') return t('state.suspended-car');
  if (state === 'suspended' && status === 'SuspendedEVSE') return t('state.suspended-station');
  return t(STATE_WORD[state]);
}

/** The OCPP word behind the state of the whole station: that of the connector which gives it. */
export const statusOf = (station: StationRow): string | null =>
  station.connectors.find((connector) => connector.state === station.state)?.status ?? null;

const FAULT_WORD: Readonly<Record<string, MessageId>> = {
  ConnectorLockFailure: 'fault.connector-lock',
  EVCommunicationError: 'fault.ev-communication',
  GroundFailure: 'fault.ground',
  HighTemperature: 'fault.temperature',
  InternalError: 'fault.internal',
  LocalListConflict: 'fault.local-list',
  OtherError: 'fault.other',
  OverCurrentFailure: 'fault.over-current',
  OverVoltage: 'fault.over-voltage',
  PowerMeterFailure: 'fault.meter',
  PowerSwitchFailure: 'fault.switch',
  ReaderFailure: 'fault.reader',
  ResetFailure: 'fault.reset',
  UnderVoltage: 'fault.under-voltage',
  WeakSignal: 'fault.weak-signal',
};

/** Null when there is no fault. */
export function faultWord(code: string | null, t: Translate): string | null {
  if (code === null || code === 'NoError') return null;
  const id = FAULT_WORD[code];
  return id === undefined ? code : t(id);
}

/** Groups of states as people filter by them. */
export const GROUPS = {
  charging: ['charging'],
  paused: ['suspended'],
  occupied: ['preparing', 'finishing', 'reserved'],
  available: ['available'],
  faulted: ['faulted'],
  unavailable: ['unavailable'],
  offline: ['offline', 'unknown'],
} as const satisfies Record<string, readonly State[]>;
export type Group = keyof typeof GROUPS;
export const GROUP_NAMES = Object.keys(GROUPS) as Group[];

export const GROUP_WORD: Readonly<Record<Group, MessageId>> = {
  charging: 'group.charging',
  paused: 'group.paused',
  occupied: 'group.occupied',
  available: 'group.available',
  faulted: 'group.faulted',
  unavailable: 'group.unavailable',
  offline: 'group.offline',
};

const GROUP_OF = new Map<State, Group>(GROUP_NAMES.flatMap((group) => GROUPS[group].map((state) => [state, group] as const)));
export const groupOf = (state: State): Group => GROUP_OF.get(state) ?? 'offline';
/** The icon that stands for a group. */
export const GROUP_STATE = (group: Group): State => GROUPS[group][0];
