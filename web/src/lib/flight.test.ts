import { expect, test } from 'vitest';
import type { FlightRecord, FlightSeries } from '../api/types';
import { indexAt, lines, moments, standing } from './flight';

const series = {
  sn: 'AC',
  step_ms: 1000,
  at_ms: [0, 1000, 2000, 40_000],
  longitude_deg: [127, null, 127.2, 127.3],
  latitude_deg: [37, null, 37.2, 37.3],
  heading_deg: [10, null, null, 30],
} as unknown as FlightSeries;

test('the last report before a time stands for it, and not for ever', () => {
  expect([-1, 0, 999, 2000, 50_000].map((at) => indexAt(series.at_ms, at))).toEqual([
    -1, 0, 0, 2, 3,
  ]);
  expect(standing(series, -1)).toBe(null);
  expect(standing(series, 1500)).toMatchObject({ lon: 127, lat: 37, ageMs: 1500 });
  expect(standing(series, 2500)).toMatchObject({ lon: 127.2, heading: null });
  expect(standing(series, 30_000)).toBe(null);
});

test('nothing is drawn over a gap', () => {
  expect(lines(series)).toEqual([
    [
      [127, 37],
      [127.2, 37.2],
    ],
    [[127.3, 37.3]],
  ]);
});

test('what happened is in order, and a report that says the same is told once', () => {
  const progress = (at_ms: number, status: string, current_step: number) => ({
    at_ms,
    method: 'flighttask_progress',
    data: { output: { status, progress: { current_step } } },
  });
  const record = {
    mission: {
      steps: [
        { step: 'execute', at_ms: 5, action_duration_ms: 0, detail: null },
        { step: 'ended', at_ms: 90, action_duration_ms: 0, detail: null },
      ],
      reason: { code: 'x', message: 'why' },
    },
    commands: [
      {
        method: 'flighttask_pause',
        accepted_ms: 30,
        state: 'succeeded',
        issued_by: 'kim',
        reason: null,
        steps: [],
      },
    ],
    events: [progress(10, 'in_progress', 1), progress(11, 'in_progress', 1), progress(20, 'ok', 2)],
    alarms: [
      { raised_ms: 40, cause: 'wind', state: 'raised', reason: { code: 'w', message: 'w' } },
    ],
  } as unknown as FlightRecord;
  const told = moments(record);
  expect(told.map((one) => [one.at, one.kind])).toEqual([
    [5, 'step'],
    [10, 'event'],
    [20, 'event'],
    [30, 'command'],
    [40, 'alarm'],
    [90, 'step'],
  ]);
  expect(told[5]?.reason?.message).toBe('why');
});
