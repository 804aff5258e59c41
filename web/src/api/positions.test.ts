// The same bytes the server's encoder is tested against: crates/fleet-api/src/positions/tests.rs.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { emptyRecord, PositionsError, PositionsFrame, stateOf } from './positions';

function fixture(): ArrayBuffer {
  const file = new URL(
    '../../../crates/fleet-api/tests/fixtures/positions-v1.bin',
    import.meta.url,
  );
  const bytes = readFileSync(file);
  return new Uint8Array(bytes).buffer;
}

test('the header of the server’s frame', () => {
  const frame = new PositionsFrame(fixture());
  expect(frame).toMatchObject({
    full: true,
    more: true,
    view: 40_007,
    serverTimeMs: 1_790_000_000_000,
    tick: 3_000_000_000,
    count: 4,
    missedTicks: 2,
  });
});

test('a flying aircraft', () => {
  const record = new PositionsFrame(fixture()).read(0, emptyRecord());
  expect(record).toMatchObject({
    slot: 0,
    latitudeDeg: 37.5665351,
    longitudeDeg: 126.9779692,
    heightM: 120,
    headingDeg: 269.75,
    speedMps: 12.4,
    batteryPercent: 64,
    ageMs: 1200,
  });
  expect(stateOf(record.state)).toEqual({
    class: 'aircraft',
    connection: 'online',
    activity: 'flying_mission',
    alarm: 'medium',
    locked: false,
    onMission: true,
    coverOpen: false,
    aircraftInside: false,
    charging: false,
  });
});

test('a stale dock, south and west of zero', () => {
  const record = new PositionsFrame(fixture()).read(1, emptyRecord());
  expect(record).toMatchObject({
    slot: 1,
    latitudeDeg: -33.5,
    longitudeDeg: -180,
    heightM: -4.2,
    headingDeg: 0,
    speedMps: Number.NaN,
    batteryPercent: 100,
    ageMs: 25_000,
  });
  expect(stateOf(record.state)).toEqual({
    class: 'dock',
    connection: 'stale',
    activity: 'idle',
    alarm: 'high',
    locked: true,
    onMission: false,
    coverOpen: true,
    aircraftInside: true,
    charging: true,
  });
});

test('what is not known is not zero, even in a record used again', () => {
  const frame = new PositionsFrame(fixture());
  const record = emptyRecord();
  frame.read(0, record);
  frame.read(2, record);
  expect(record).toEqual({ ...emptyRecord(), slot: 513, state: record.state });
  expect(stateOf(record.state)).toMatchObject({
    class: 'robot',
    connection: null,
    activity: null,
    alarm: null,
  });
});

test('values beyond the record saturate', () => {
  const record = new PositionsFrame(fixture()).read(3, emptyRecord());
  expect(record).toMatchObject({
    slot: 65_535,
    latitudeDeg: 90,
    longitudeDeg: 180,
    heightM: 6553.4,
    headingDeg: 5,
    speedMps: 50.8,
    batteryPercent: 0,
    ageMs: 6_553_400,
  });
  expect(stateOf(record.state)).toMatchObject({
    connection: 'offline',
    activity: 'aircraft_offline',
    alarm: 'low',
  });
});

test('longer headers and records of a later server are stepped over', () => {
  const old = new Uint8Array(fixture());
  const [header, record] = [28, 22];
  const grown = new Uint8Array(header + 4 * record);
  grown.set(old.subarray(0, 24));
  grown[2] = header;
  grown[3] = record;
  for (let n = 0; n < 4; n += 1) {
    grown.set(old.subarray(24 + n * 20, 44 + n * 20), header + n * record);
  }
  const frame = new PositionsFrame(grown.buffer);
  expect(frame.read(3, emptyRecord())).toEqual(
    new PositionsFrame(fixture()).read(3, emptyRecord()),
  );
});

test('other kinds and versions, and cut frames, are refused', () => {
  const change = (at: number, value: number) => {
    const bytes = new Uint8Array(fixture());
    bytes[at] = value;
    return bytes.buffer;
  };
  for (const buffer of [
    new ArrayBuffer(0),
    fixture().slice(0, 23),
    fixture().slice(0, 103),
    change(0, 0x51),
    change(1, 2),
    change(2, 20),
    change(3, 12),
  ]) {
    expect(() => new PositionsFrame(buffer)).toThrow(PositionsError);
  }
});
