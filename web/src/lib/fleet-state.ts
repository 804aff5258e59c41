// What a dock amounts to for an operator: one state, decided from status, aircraft and alarms.
// Pure; the words and shapes are elsewhere (i18n, ui/StateMark.svelte).

import type { Activity, Alarm, DeviceStatus } from '../api/types';

/** Order is the order of the filters in the top bar. */
export const fleetStates = [
  'flying',
  'ready',
  'attention',
  'service',
  'bringup',
  'stale',
  'offline',
] as const;

export type FleetState = (typeof fleetStates)[number];

const airborne: ReadonlySet<Activity> = new Set<Activity>([
  'taking_off',
  'flying_mission',
  'flying',
  'returning',
  'landing',
]);

/** Whether an aircraft with this activity is off the ground. */
export function isAirborne(activity: Activity | undefined): boolean {
  return activity !== undefined && airborne.has(activity);
}

const service: ReadonlySet<Activity> = new Set<Activity>([
  'on_site_debugging',
  'remote_debugging',
  'upgrading',
]);

/**
 * Connection comes first: of a dock that is not heard, nothing else is known. Then what needs a
 * hand (`unsettled`: a command whose outcome a person must find out), then what it does.
 */
export function fleetState(
  dock: DeviceStatus,
  aircraft: readonly DeviceStatus[],
  activeAlarms: readonly Alarm[],
  unsettled = false,
): FleetState {
  switch (dock.connection) {
    case 'offline':
      return 'offline';
    case 'never_seen':
    case 'bringing_up':
      return 'bringup';
    case 'stale':
      return 'stale';
    case 'online':
      break;
  }
  if (dock.flight_lock || unsettled || activeAlarms.some((alarm) => alarm.priority !== 'low'))
    return 'attention';
  if (dock.mission_id || aircraft.some((craft) => isAirborne(craft.activity))) return 'flying';
  if (service.has(dock.activity)) return 'service';
  return 'ready';
}

/**
 * What a dock and its aircraft are doing, as one word. A dock still reports idle for a moment after
 * it took a mission: it is working.
 */
export function shownActivity(dock: DeviceStatus, aircraft: DeviceStatus | null): Activity {
  if (aircraft && isAirborne(aircraft.activity)) return aircraft.activity;
  return dock.mission_id && dock.activity === 'idle' ? 'working' : dock.activity;
}

/** Who comes first in the list: what needs a hand, then what flies, then the rest by name. */
const rank: Record<FleetState, number> = {
  attention: 0,
  offline: 1,
  stale: 2,
  flying: 3,
  service: 4,
  bringup: 5,
  ready: 6,
};

export interface Ranked {
  state: FleetState;
  label: string;
}

/** Place of a state in the list. */
export function rankOf(state: FleetState): number {
  return rank[state];
}

export function compareRows(a: Ranked, b: Ranked): number {
  return rank[a.state] - rank[b.state] || compareLabels(a.label, b.label);
}

/**
 * Rows in the order they had (serial numbers), newcomers last: an operator who points at a row must
 * not have another slide under the pointer.
 */
export function keepOrder<Row>(
  rows: readonly Row[],
  nameOf: (row: Row) => string,
  order: readonly string[],
): Row[] {
  const places = new Map(order.map((name, place) => [name, place]));
  const placeOf = (row: Row) => places.get(nameOf(row)) ?? Number.POSITIVE_INFINITY;
  return [...rows].sort((a, b) => {
    const [first, second] = [placeOf(a), placeOf(b)];
    return first === second ? 0 : first - second;
  });
}

const collator = new Intl.Collator(['ko', 'en'], { numeric: true });

export function compareLabels(a: string, b: string): number {
  return collator.compare(a, b);
}

/** Every word of the query occurs somewhere in the text. */
export function matches(haystack: string, query: string): boolean {
  const text = haystack.toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
