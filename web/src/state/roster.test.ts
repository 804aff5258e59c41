import { expect, test } from 'vitest';
import type { Alarm, CommandStatus, DeviceStatus } from '../api/types';
import { Roster } from './roster';

function device(sn: string, extra: Partial<DeviceStatus> = {}): DeviceStatus {
  const base = { sn, class: 'dock', name: '', model: 'DJI Dock 2', gateway_sn: null, children: [] };
  const state = { connection: 'online', activity: 'idle', mission_id: null, flight_lock: null };
  return { ...base, ...state, ...extra } as unknown as DeviceStatus;
}

function fleet(...devices: DeviceStatus[]) {
  const sources = {
    devices: new Map(devices.map((one) => [one.sn, one])),
    alarms: new Map<string, Alarm>(),
    commands: new Map<string, CommandStatus>(),
  };
  const roster = new Roster(sources);
  roster.refresh();
  const put = (one: DeviceStatus) => {
    sources.devices.set(one.sn, one);
    roster.touch(one.sn);
    roster.refresh();
  };
  const labels = () => roster.rows.map((row) => row.label);
  return { sources, roster, put, labels };
}

test('one row for each dock and robot, trouble first, names in the order people count', () => {
  const { labels, put } = fleet(
    device('D1', { name: 'Dock 10' }),
    device('D2', { name: 'Dock 9' }),
    device('A1', { class: 'aircraft', gateway_sn: 'D1' }),
    device('R1', { class: 'robot', name: 'Robot' }),
  );
  expect(labels()).toEqual(['Dock 9', 'Dock 10', 'Robot']);
  put(device('R1', { class: 'robot', name: 'Robot', connection: 'offline' }));
  expect(labels()).toEqual(['Robot', 'Dock 9', 'Dock 10']);
  put(device('D1', { name: 'Dock 1' }));
  expect(labels()).toEqual(['Robot', 'Dock 1', 'Dock 9']);
});

test('what concerns an aircraft changes the row of its dock', () => {
  const craft = device('A1', { class: 'aircraft', gateway_sn: 'D1', activity: 'standby' });
  const { roster, put, sources } = fleet(device('D1', { children: ['A1'] }), craft);
  expect(roster.get('D1')?.state).toBe('ready');
  put({ ...craft, activity: 'flying_mission' });
  expect(roster.get('D1')?.state).toBe('flying');
  sources.alarms.set('x', { sn: 'A1', priority: 'high', state: 'raised', shelved: null } as Alarm);
  roster.touch('A1');
  roster.refresh();
  expect(roster.get('D1')?.state).toBe('attention');
});

test('a removed dock leaves the list; without a change nothing is worked out', () => {
  const { roster, sources, labels } = fleet(device('D1'), device('D2'));
  sources.devices.delete('D1');
  roster.touch('D1');
  expect(roster.refresh()).toBe(true);
  expect(labels()).toEqual(['D2']);
  const before = roster.rows;
  expect(roster.refresh()).toBe(false);
  expect(roster.rows).toBe(before);
});
