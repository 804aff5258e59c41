import { expect, test } from 'vitest';
import table from '../api/methods.json';
import type { CommandState, CommandStatus, DeviceStatus, MissionStatus } from '../api/types';
import {
  blocker,
  deviceMethods,
  flightMethods,
  type Method,
  mayNeedSettling,
  resumable,
  type Situation,
  stages,
  startBlocker,
  takesTwoSteps,
} from './commands';

const dock = { sn: 'D', connection: 'online', activity: 'idle', flight_lock: null } as DeviceStatus;
const debugging = { ...dock, activity: 'remote_debugging' } as DeviceStatus;
const mission = { state: 'executing' } as MissionStatus;
const base: Situation = {
  towerUp: true,
  linkUp: true,
  dock,
  droneInDock: true,
  mission: null,
  rights: null,
  who: 'user:kim',
  underWay: [],
};
const check = (method: Method, change: Partial<Situation>, expected: string | null) =>
  expect(blocker(method, { ...base, ...change }), method).toBe(expected);

test('nothing is sent while the tower or the broker is gone', () => {
  check('return_home', { towerUp: false }, 'tower_lost');
  check('cover_open', { linkUp: false, dock: debugging }, 'link_down');
  expect(startBlocker({ ...base, towerUp: false })).toBe('tower_lost');
});

test('service commands need debug mode; closing needs the aircraft inside, known to be', () => {
  check('cover_open', {}, 'needs_debug_mode');
  check('cover_open', { dock: debugging, droneInDock: false }, null);
  check('cover_close', { dock: debugging, droneInDock: false }, 'aircraft_out');
  check('cover_close', { dock: debugging, droneInDock: null }, 'aircraft_state_unknown');
  check('cover_close', { dock: debugging }, null);
  check('debug_mode_open', {}, null);
  check('debug_mode_open', { dock: debugging }, 'already_so');
  check('debug_mode_open', { mission }, 'mission_active');
  check('debug_mode_close', {}, 'already_so');
});

test('who lacks a right is told which, and stopping is held back by none', () => {
  const viewer = { rights: new Set(['view']), dock: debugging };
  check('cover_open', viewer, 'no_right_debug');
  check('flighttask_recovery', { ...viewer, mission }, 'no_right_fly');
  expect(startBlocker({ ...base, rights: new Set(['view']) })).toBe('no_right_fly');
  check('return_home', viewer, null);
  check('flighttask_pause', { ...viewer, mission }, null);
  check('cover_open', { rights: new Set(['debug']), dock: debugging }, null);
});

test('somebody else who has the dock keeps out all but counter-actions', () => {
  const lease = (who: string, is_explicit: boolean) =>
    ({ ...debugging, authority: { flight: { holder: { who }, is_explicit } } }) as DeviceStatus;
  const others = lease('user:lee', true);
  check('cover_open', { dock: others }, 'authority_held');
  check('flighttask_recovery', { dock: others, mission }, 'authority_held');
  expect(startBlocker({ ...base, dock: others })).toBe('authority_held');
  check('return_home', { dock: others }, null);
  check('flighttask_pause', { dock: others, mission }, null);
  check('cover_open', { dock: lease('user:kim', true) }, null);
  check('cover_open', { dock: lease('user:lee', false) }, null);
});

test('a counter-action is never held back for a late or silent dock', () => {
  const offline = { ...dock, connection: 'offline' } as DeviceStatus;
  check('return_home', { dock: offline }, null);
  check('flighttask_pause', { dock: offline, mission }, null);
  check('supplement_light_open', { dock: offline }, 'dock_offline');
});

test('a counter-action is kept ready without the broker, and tried again when its fate is unknown', () => {
  check('return_home', { linkUp: false }, null);
  const before = (state: CommandState) => [{ method: 'return_home', state } as CommandStatus];
  check('return_home', { underWay: before('sent') }, 'under_way');
  check('return_home', { underWay: before('unknown') }, null);
});

test('a person may settle a mission whose dock no longer tells', () => {
  const asks = (change: Partial<Situation>) => mayNeedSettling({ ...base, mission, ...change });
  expect(asks({ dock: { ...dock, activity: 'working' } as DeviceStatus })).toBe(false);
  expect(asks({ dock: { ...dock, connection: 'offline' } as DeviceStatus })).toBe(true);
  expect(asks({})).toBe(true);
  expect(asks({ mission: { state: 'preparing' } as MissionStatus })).toBe(false);
  expect(asks({ mission: null })).toBe(false);
});

test('pause and resume follow the mission', () => {
  const paused = { state: 'paused' } as MissionStatus;
  const ended = { state: 'ended' } as MissionStatus;
  check('flighttask_pause', { mission: null }, 'no_mission');
  check('flighttask_pause', { mission: paused }, 'already_paused');
  check('flighttask_recovery', { mission }, 'not_paused');
  check('flighttask_recovery', { mission: paused }, null);
  check('flighttask_recovery', { mission: ended }, 'no_mission');
});

test('a return is cancelled by those who may fly, and only what broke off is flown on', () => {
  check('return_home_cancel', {}, null);
  check('return_home_cancel', { rights: new Set(['view', 'stop']) }, 'no_right_fly');
  check('return_home_cancel', { linkUp: false }, 'link_down');
  const broken = {
    state: 'ended',
    verdict: 'failed',
    reason: null,
    break_point: { index: 2, break_reason: 1 },
  } as unknown as MissionStatus;
  expect(resumable(broken)).toBe(true);
  expect(resumable(null)).toBe(false);
  expect(resumable({ ...broken, state: 'paused' })).toBe(false);
  expect(resumable({ ...broken, verdict: 'ok' })).toBe(false);
  const met = { code: 'x', message: 'x', device_code: 321517 };
  expect(resumable({ ...broken, reason: met })).toBe(false);
  const point = { ...broken.break_point, break_reason: 517 } as typeof broken.break_point;
  expect(resumable({ ...broken, break_point: point })).toBe(false);
});

test('what holds a button back stands in the table of methods', () => {
  const offered = Object.keys(table).sort();
  for (const method of [...deviceMethods, ...flightMethods]) expect(offered).toContain(method);
  const two = [...deviceMethods, ...flightMethods].filter(takesTwoSteps).sort();
  expect(two).toEqual(['cover_close', 'cover_open', 'debug_mode_open']);
  const free = deviceMethods.filter((method) => !table[method].needsDebugMode);
  expect(free).toEqual(['debug_mode_open', 'debug_mode_close']);
});

test('the same command is not given twice at once', () => {
  const same = { method: 'cover_open' } as CommandStatus;
  check('cover_open', { dock: debugging, underWay: [same] }, 'under_way');
  check('cover_close', { dock: debugging, underWay: [same] }, null);
});

test('a locked dock starts no flight', () => {
  const lock = { command_id: 'c', mission_id: null, reason: { code: 'lost_reply', message: '' } };
  expect(startBlocker(base)).toBe(null);
  expect(startBlocker({ ...base, dock: { ...dock, flight_lock: lock } })).toBe('flight_locked');
  expect(startBlocker({ ...base, droneInDock: false })).toBe('aircraft_out');
  expect(startBlocker({ ...base, mission })).toBe('mission_active');
  expect(startBlocker({ ...base, dock: debugging })).toBe('dock_busy');
  expect(startBlocker({ ...base, droneInDock: null })).toBe('aircraft_state_unknown');
  const late = { ...dock, connection: 'stale' } as DeviceStatus;
  expect(startBlocker({ ...base, dock: late })).toBe('silent');
});

test('stages never run ahead of the facts', () => {
  const marks = (state: CommandState, ...steps: string[]) => {
    const command = {
      state,
      steps: steps.map((step) => ({ step, at_ms: 0, action_duration_ms: 0 })),
    } as CommandStatus;
    return Object.values(stages(command)).join(' ');
  };
  expect(marks('accepted')).toBe('now todo todo');
  expect(marks('journaled')).toBe('now todo todo');
  expect(marks('sent', 'sent')).toBe('ok now todo');
  expect(marks('acknowledged', 'sent', 'acknowledged')).toBe('ok ok now');
  expect(marks('succeeded', 'sent', 'acknowledged')).toBe('ok ok ok');
  expect(marks('failed', 'sent')).toBe('ok bad todo');
  expect(marks('failed', 'sent', 'acknowledged')).toBe('ok ok bad');
  expect(marks('rejected')).toBe('bad todo todo');
  expect(marks('expired')).toBe('bad todo todo');
  expect(marks('unknown', 'sent')).toBe('ok unknown unknown');
});
