// Which commands the console offers and why one may not be given now. The server decides; this
// only spares an operator a refusal that is certain, and says why.

import table from '../api/methods.json';
import type {
  Activity,
  CommandState,
  CommandStatus,
  DeviceStatus,
  MissionStatus,
} from '../api/types';
import { standing } from './authority';

export const deviceMethods = [
  'debug_mode_open',
  'debug_mode_close',
  'cover_open',
  'cover_close',
  'supplement_light_open',
  'supplement_light_close',
] as const;

export const flightMethods = [
  'flighttask_pause',
  'flighttask_recovery',
  'return_home',
  'return_home_cancel',
] as const;

export type Method = (typeof deviceMethods)[number] | (typeof flightMethods)[number];

/** Reasons the console itself gives, beside the server's reason codes. */
export type Blocker =
  | 'no_right_fly'
  | 'no_right_debug'
  | 'authority_held'
  | 'tower_lost'
  | 'link_down'
  | 'dock_offline'
  | 'dock_not_ready'
  | 'silent'
  | 'dock_busy'
  | 'needs_debug_mode'
  | 'aircraft_out'
  | 'aircraft_state_unknown'
  | 'already_so'
  | 'under_way'
  | 'no_mission'
  | 'mission_active'
  | 'flight_locked'
  | 'not_paused'
  | 'already_paused';

export interface Situation {
  towerUp: boolean;
  linkUp: boolean;
  dock: DeviceStatus;
  /** Whether the aircraft is in the dock; null while unknown. */
  droneInDock: boolean | null;
  mission: MissionStatus | null;
  /** What the caller may; null while nobody said, and then nothing is held back for it. */
  rights: ReadonlySet<string> | null;
  /** The caller's name on record. */
  who: string;
  /** Commands of this dock that are still under way. */
  underWay: readonly CommandStatus[];
}

/** What the tower's table says of a method; a test there keeps this copy equal to it. */
interface Row {
  /** Never held back for stale telemetry or a missing journal. */
  counterAction: boolean;
  danger: string;
  interlock: string;
  needsDebugMode: boolean;
}
const methods: Readonly<Record<Method, Row>> = table;

/** Moves hardware near people or aircraft, or needs the aircraft at home: takes a second press. */
export function takesTwoSteps(method: Method): boolean {
  return methods[method].danger === 'moves_hardware' || needsAircraftHome(method);
}

function needsAircraftHome(method: Method): boolean {
  return methods[method].interlock === 'aircraft_in_dock';
}

/**
 * The right that ordering a method asks for, as the tower's table has it (docs/rights.md). A
 * counter-action is held back by nothing that may be known too late: the tower decides.
 */
function rightOf(method: Method): 'fly' | 'debug' {
  return ['flighttask_recovery', 'return_home_cancel'].includes(method) ? 'fly' : 'debug';
}

function lacks(right: 'fly' | 'debug', now: Situation): Blocker | null {
  return now.rights === null || now.rights.has(right) ? null : `no_right_${right}`;
}

/** Somebody else has the dock for themselves. */
function keptOut(now: Situation): Blocker | null {
  const lease = now.dock.authority?.flight ?? null;
  return standing(lease, now.who) === 'other' ? 'authority_held' : null;
}

export function blocker(method: Method, now: Situation): Blocker | null {
  if (!now.towerUp) return 'tower_lost';
  const same = now.underWay.filter((command) => command.method === method);
  if (methods[method].counterAction) {
    // One whose fate is unknown must not stand in the way of another try; and while the broker is
    // away the tower keeps a counter-action ready until it expires.
    if (same.some((command) => command.state !== 'unknown')) return 'under_way';
    return counterActionBlocker(method, now);
  }
  const lacking = lacks(rightOf(method), now) ?? keptOut(now);
  if (lacking) return lacking;
  if (!now.linkUp) return 'link_down';
  if (same.length > 0) return 'under_way';
  const unheard = unreachable(now.dock);
  if (unheard) return unheard;
  if (method === 'flighttask_recovery') {
    if (!flies(now.mission)) return 'no_mission';
    return now.mission?.state === 'paused' ? null : 'not_paused';
  }
  // Whether it is on its way home is known to the tower better than here.
  if (method === 'return_home_cancel') return null;
  return serviceBlocker(method, now);
}

function counterActionBlocker(method: Method, now: Situation): Blocker | null {
  if (now.dock.connection === 'never_seen') return 'dock_offline';
  if (method === 'flighttask_pause') {
    if (!flies(now.mission)) return 'no_mission';
    if (now.mission?.state === 'paused') return 'already_paused';
  }
  return null;
}

function serviceBlocker(method: Method, now: Situation): Blocker | null {
  const debugging = now.dock.activity === 'remote_debugging';
  switch (method) {
    case 'debug_mode_open':
      if (debugging) return 'already_so';
      if (flies(now.mission)) return 'mission_active';
      break;
    case 'debug_mode_close':
      return debugging ? null : 'already_so';
    default:
      if (methods[method].needsDebugMode && !debugging) return 'needs_debug_mode';
  }
  if (!needsAircraftHome(method)) return null;
  if (now.droneInDock === false) return 'aircraft_out';
  if (now.droneInDock === null) return 'aircraft_state_unknown';
  return null;
}

export function startBlocker(now: Situation): Blocker | null {
  if (!now.towerUp) return 'tower_lost';
  const lacking = lacks('fly', now) ?? keptOut(now);
  if (lacking) return lacking;
  if (!now.linkUp) return 'link_down';
  if (now.dock.flight_lock) return 'flight_locked';
  const unheard = unreachable(now.dock);
  if (unheard) return unheard;
  if (flies(now.mission)) return 'mission_active';
  if (busy.has(now.dock.activity)) return 'dock_busy';
  if (now.droneInDock === false) return 'aircraft_out';
  return now.droneInDock === null ? 'aircraft_state_unknown' : null;
}

const busy: ReadonlySet<Activity> = new Set<Activity>([
  'on_site_debugging',
  'remote_debugging',
  'upgrading',
]);

function unreachable(dock: DeviceStatus): Blocker | null {
  switch (dock.connection) {
    case 'online':
      return null;
    case 'bringing_up':
      return 'dock_not_ready';
    case 'stale':
      return 'silent';
    case 'never_seen':
    case 'offline':
      return 'dock_offline';
  }
}

/** Why a mission that broke off cannot be flown on from there; the tower knows more reasons. */
export function resumable(mission: MissionStatus | null): boolean {
  if (mission?.state !== 'ended' || mission.verdict === 'ok') return false;
  // After an obstacle the same route would meet it again (DJI 321517, 517 in a break point).
  const obstacle =
    mission.reason?.device_code === 321517 ||
    [517, 321517].includes(mission.break_point?.break_reason ?? 0);
  return Boolean(mission.break_point) && !obstacle;
}

/** Whether a mission is neither absent nor ended. */
export function flies(mission: MissionStatus | null): boolean {
  return mission !== null && mission.state !== 'ended';
}

/**
 * Whether a person may have to say how a mission ended: take-off was ordered, and the dock is idle
 * again or not heard, so that it may never report the end.
 */
export function mayNeedSettling(situation: Situation): boolean {
  const state = situation.mission?.state;
  const open = state === 'executing' || state === 'paused' || state === 'unknown';
  const { connection, activity } = situation.dock;
  return open && (connection !== 'online' || activity === 'idle' || state === 'unknown');
}

export type Stage = 'sent' | 'accepted' | 'done';
export type StageMark = 'todo' | 'now' | 'ok' | 'bad' | 'unknown';

/** The three marks an operator sees: sent, accepted by the dock, done. Never ahead of the facts. */
export function stages(command: CommandStatus): Record<Stage, StageMark> {
  const left = command.steps.some((step) => step.step === 'sent');
  const taken = command.steps.some((step) => step.step === 'acknowledged');
  const marks: Record<CommandState, [StageMark, StageMark, StageMark]> = {
    accepted: ['now', 'todo', 'todo'],
    journaled: ['now', 'todo', 'todo'],
    sent: ['ok', 'now', 'todo'],
    acknowledged: ['ok', 'ok', 'now'],
    succeeded: ['ok', 'ok', 'ok'],
    failed: taken ? ['ok', 'ok', 'bad'] : left ? ['ok', 'bad', 'todo'] : ['bad', 'todo', 'todo'],
    rejected: ['bad', 'todo', 'todo'],
    expired: left ? ['ok', 'bad', 'todo'] : ['bad', 'todo', 'todo'],
    unknown: taken ? ['ok', 'ok', 'unknown'] : ['ok', 'unknown', 'unknown'],
  };
  const [sent, accepted, done] = marks[command.state];
  return { sent, accepted, done };
}

export function isFinal(state: CommandState): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'rejected' || state === 'expired';
}
