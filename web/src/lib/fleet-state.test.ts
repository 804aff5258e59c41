import { expect, test } from 'vitest';
import type { Alarm, DeviceStatus } from '../api/types';
import { compareRows, fleetState, keepOrder, matches, shownActivity } from './fleet-state';

const dock: DeviceStatus = {
  sn: 'SIMDK200000001',
  class: 'dock',
  name: '',
  model: 'DJI Dock 2',
  gateway_sn: null,
  children: ['SIMM3D00000001'],
  connection: 'online',
  phase: 'complete',
  reason: null,
  activity: 'idle',
  since_ms: 0,
  last_heard_ms: 0,
  clock_skew_ms: 0,
  firmware: null,
  mission_id: null,
  flight_lock: null,
  unknown_count: 0,
  authority: { flight: null, payload: null, asked: [] },
};
const craft: DeviceStatus = {
  ...dock,
  sn: 'SIMM3D00000001',
  class: 'aircraft',
  activity: 'standby',
};
const reason = { code: 'silent', message: '' };
const alarm: Alarm = {
  alarm_id: 'a',
  sn: dock.sn,
  source: 'tower',
  priority: 'medium',
  state: 'raised',
  reason,
  cause: 'silent',
  in_flood: false,
  raised_ms: 0,
  raised_count: 1,
  cleared_ms: null,
  acknowledged: null,
  shelved: null,
};

const check = (
  change: Partial<DeviceStatus>,
  expected: string,
  aircraft: Partial<DeviceStatus> = {},
  alarms: Alarm[] = [],
) => expect(fleetState({ ...dock, ...change }, [{ ...craft, ...aircraft }], alarms)).toBe(expected);

test('connection decides before everything else', () => {
  check({ connection: 'offline', mission_id: 'm' }, 'offline', { activity: 'flying' }, [alarm]);
  check({ connection: 'stale' }, 'stale', { activity: 'flying' });
  check({ connection: 'never_seen' }, 'bringup');
  check({ connection: 'bringing_up' }, 'bringup');
});

test('what needs a hand comes before what flies', () => {
  const lock = { command_id: 'c', mission_id: null, reason };
  check({ flight_lock: lock }, 'attention', { activity: 'flying_mission' });
  check({}, 'attention', {}, [alarm]);
  check({}, 'ready', {}, [{ ...alarm, priority: 'low' }]);
});

test('a command of unknown outcome needs a hand, unless the dock is not even heard', () => {
  expect(fleetState(dock, [craft], [], true)).toBe('attention');
  expect(fleetState({ ...dock, connection: 'offline' }, [craft], [], true)).toBe('offline');
});

test('flying, service and ready', () => {
  check({}, 'ready');
  check({ mission_id: 'm' }, 'flying');
  check({}, 'flying', { activity: 'returning' });
  check({}, 'ready', { activity: 'preparing' });
  check({ activity: 'remote_debugging' }, 'service');
  check({ activity: 'upgrading' }, 'service');
});

test('one word for what dock and aircraft do', () => {
  expect(shownActivity(dock, craft)).toBe('idle');
  expect(shownActivity({ ...dock, mission_id: 'm' }, craft)).toBe('working');
  expect(shownActivity({ ...dock, mission_id: 'm' }, { ...craft, activity: 'landing' })).toBe(
    'landing',
  );
  expect(shownActivity({ ...dock, activity: 'upgrading' }, null)).toBe('upgrading');
});

test('rows: trouble first, then by name with numbers in order', () => {
  const rows = [
    { state: 'ready', label: 'Dock 10' },
    { state: 'offline', label: 'z' },
    { state: 'ready', label: 'Dock 9' },
    { state: 'attention', label: 'y' },
  ] as const;
  expect([...rows].sort(compareRows).map((row) => row.label)).toEqual([
    'y',
    'z',
    'Dock 9',
    'Dock 10',
  ]);
});

test('kept order: rows stay where they were, newcomers come last in their own order', () => {
  const itself = (name: string) => name;
  expect(keepOrder(['d', 'a', 'x', 'b', 'y'], itself, ['a', 'b', 'c', 'd'])).toEqual([
    'a',
    'b',
    'd',
    'x',
    'y',
  ]);
  expect(keepOrder(['b', 'a'], itself, [])).toEqual(['b', 'a']);
});

test('search takes every word, in any order and case', () => {
  expect(matches('새만금 동측 SIMDK2', 'simdk 동측')).toBe(true);
  expect(matches('새만금 동측 SIMDK2', 'simdk 서측')).toBe(false);
});
