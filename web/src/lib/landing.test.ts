import { expect, test } from 'vitest';
import type { MissionStatus, Telemetry } from '../api/types';
import { landing } from './landing';

const mission = (change: object = {}) =>
  ({
    state: 'executing',
    waypoint_count: 4,
    progress: { waypoint_index: 1 },
    plan: { flight_box: { duration_s: 400 } },
    ...change,
  }) as unknown as MissionStatus;
const reading = (value: number, received_ms = 1_000) => ({
  value,
  received_ms,
  unit: '',
  source_ms: null,
});
const aircraft: Telemetry = {
  'battery.capacity_percent': reading(80),
  'battery.remain_flight_time': reading(1_600),
  home_distance: reading(400),
};

test('what is left of route, way home and landing is taken off by the aircraft’s own time', () => {
  // 300 s of route, 40 s home, 60 s down: a quarter of what it can stay up.
  expect(landing(mission(), aircraft, 2_000)).toEqual({ routeLeftS: 300, batteryPercent: 60 });
  const low = { ...aircraft, 'battery.remain_flight_time': reading(100) };
  expect(landing(mission(), low, 2_000)?.batteryPercent).toBe(0);
});

test('of old facts, or none, no battery is foretold', () => {
  expect(landing(mission(), aircraft, 12_000)?.batteryPercent).toBe(null);
  expect(landing(mission(), undefined, 2_000)).toEqual({ routeLeftS: 300, batteryPercent: null });
  const one = { ...aircraft, home_distance: reading(400, -10_000) };
  expect(landing(mission(), one, 2_000)?.batteryPercent).toBe(null);
});

test('off its route nothing is foretold', () => {
  expect(landing(mission({ state: 'ended' }), aircraft, 2_000)).toBe(null);
  expect(landing(mission({ state: 'unknown' }), aircraft, 2_000)).toBe(null);
  expect(landing(mission({ progress: { waypoint_index: null } }), aircraft, 2_000)).toBe(null);
  expect(landing(mission({ plan: { flight_box: null } }), aircraft, 2_000)).toBe(null);
});
