import { expect, test } from 'vitest';
import { gather } from './clusters';
import {
  bounds,
  latitude,
  longitude,
  mercatorX,
  mercatorY,
  metresApart,
  project,
} from './mercator';
import { dimmed, drawOrder, hidden, PositionTable, rank } from './table';

/** A position frame of these records, as the tower writes it. */
function frame(
  records: { slot: number; lon: number; lat: number; bits?: number; age?: number }[],
  flags = 0,
): ArrayBuffer {
  const data = new ArrayBuffer(24 + records.length * 20);
  const view = new DataView(data);
  [0x50, 1, 24, 20].forEach((byte, at) => {
    view.setUint8(at, byte);
  });
  view.setUint16(4, flags, true);
  view.setFloat64(8, 1_000_000, true);
  view.setUint16(20, records.length, true);
  records.forEach(({ slot, lon, lat, bits = 1, age = 0 }, index) => {
    const at = 24 + index * 20;
    view.setUint16(at, slot, true);
    view.setUint16(at + 2, bits, true);
    view.setInt32(at + 4, Math.round(lat * 1e7), true);
    view.setInt32(at + 8, Math.round(lon * 1e7), true);
    view.setInt16(at + 12, -32768, true);
    view.setUint16(at + 14, 9000, true);
    view.setUint8(at + 16, 255);
    view.setUint8(at + 17, 255);
    view.setUint16(at + 18, age / 100, true);
  });
  return data;
}

const full = 1;

test('mercator and back, and what a camera sees', () => {
  expect(longitude(mercatorX(126.97))).toBeCloseTo(126.97, 9);
  expect(latitude(mercatorY(37.56))).toBeCloseTo(37.56, 9);
  const camera = { x: mercatorX(127), y: mercatorY(37), zoom: 10, width: 800, height: 600 };
  expect(project(camera, camera.x, camera.y)).toEqual([400, 300]);
  const [west, south, east, north] = bounds(camera);
  expect(west < 127 && east > 127 && south < 37 && north > 37).toBe(true);
  expect(project(camera, mercatorX(west), mercatorY(north))[0]).toBeCloseTo(0, 6);
  expect(project(camera, mercatorX(west), mercatorY(north))[1]).toBeCloseTo(0, 6);
  expect(bounds({ ...camera, zoom: 0 })[0]).toBe(-180);
  expect(metresApart(127, 37, 127, 37.001)).toBeCloseTo(111.3, 0);
});

test('a symbol moves between two reports and never beyond the later', () => {
  const table = new PositionTable();
  table.apply(frame([{ slot: 3, lon: 127, lat: 37 }], full), 1000);
  table.paint(3, 'flying', 0);
  table.apply(frame([{ slot: 3, lon: 127.001, lat: 37 }]), 2000);
  const [from] = table.shown(3, 2000);
  const [half] = table.shown(3, 2500);
  const [end] = table.shown(3, 60_000);
  expect(longitude(from)).toBeCloseTo(127, 7);
  expect(longitude(half)).toBeGreaterThan(127);
  expect(longitude(half)).toBeLessThan(127.001);
  expect(longitude(end)).toBeCloseTo(127.001, 9);
  expect(table.movingUntilMs).toBeLessThanOrEqual(2000 + 2500);
});

test('a device that jumps is not dragged across the map', () => {
  const table = new PositionTable();
  table.apply(frame([{ slot: 0, lon: 127, lat: 37 }], full), 0);
  table.apply(frame([{ slot: 0, lon: 129, lat: 35 }]), 1000);
  expect(longitude(table.shown(0, 1000)[0])).toBeCloseTo(129, 7);
});

test('what a full view does not name is gone, also over several frames', () => {
  const table = new PositionTable();
  const two = [
    { slot: 0, lon: 127, lat: 37 },
    { slot: 1, lon: 128, lat: 36 },
  ];
  table.apply(frame(two, full), 0);
  expect([...table.present.slice(0, 2)]).toEqual([1, 1]);
  table.apply(frame(two.slice(0, 1), full | 2), 10);
  expect([...table.present.slice(0, 2)]).toEqual([1, 1]);
  table.apply(frame([{ slot: 7, lon: 127, lat: 37 }]), 20);
  expect([...table.present.slice(0, 2)]).toEqual([1, 0]);
  expect(table.present[7]).toBe(1);
});

test('the age of a position is counted back from server time', () => {
  const table = new PositionTable();
  table.apply(frame([{ slot: 0, lon: 127, lat: 37, age: 3000 }], full), 0);
  expect(table.heardMs[0]).toBe(997_000);
});

test('a newcomer is not drawn until the fleet says what it is; the table grows', () => {
  const table = new PositionTable();
  table.apply(frame([{ slot: 900, lon: 127, lat: 37 }], full), 0);
  expect(table.looks[900]).toBe(hidden);
  table.paint(900, 'ready', dimmed);
  table.paint(4000, 'offline', 0);
  expect([table.looks[900], table.state[900]]).toEqual([dimmed, rank('ready')]);
  expect(table.state[4000]).toBe(rank('offline'));
  expect(() => table.apply(new ArrayBuffer(10), 0)).toThrow();
});

test('what needs a person is drawn last', () => {
  expect(drawOrder.at(-1)).toBe('attention');
  expect(rank('offline')).toBeGreaterThan(rank('flying'));
  expect(rank('stale')).toBeGreaterThan(rank('ready'));
});

test('far out, devices are gathered, those in trouble apart; close up they are not', () => {
  const table = new PositionTable();
  const records = Array.from({ length: 500 }, (_, slot) => ({
    slot,
    lon: 127 + (slot % 25) * 0.001,
    lat: 37 + Math.floor(slot / 25) * 0.001,
  }));
  table.apply(frame(records, full), 0);
  for (const { slot } of records) {
    table.paint(slot, slot === 0 ? 'offline' : slot < 100 ? 'flying' : 'ready', 0);
  }
  expect(gather(table, 12)).toBe(null);
  const gathered = gather(table, 7);
  const told = gathered?.clusters.reduce((sum, one) => sum + one.count, 0);
  const drawn = gathered ? gathered.slots.slice(0, 500).filter((one) => one === 0).length : 0;
  expect((told ?? 0) + drawn).toBe(500);
  expect(gathered?.slots[0]).toBe(0);
  expect(gathered?.clusters.some((one) => one.flying > 0 && !one.abnormal)).toBe(true);
  for (const { slot } of records) table.paint(slot, slot < 50 ? 'offline' : 'ready', 0);
  const after = gather(table, 7);
  const outage = after?.clusters.filter((one) => one.abnormal) ?? [];
  const alone = after?.slots.slice(0, 50).filter((one) => one === 0).length ?? 0;
  expect(outage.reduce((sum, one) => sum + one.count, 0) + alone).toBe(50);
  expect(outage.length).toBeGreaterThan(0);
  expect(outage.every((one) => one.worst === rank('offline'))).toBe(true);
});

test('a handful of devices is never gathered', () => {
  const table = new PositionTable();
  table.apply(frame([{ slot: 0, lon: 127, lat: 37 }], full), 0);
  table.paint(0, 'ready', 0);
  expect(gather(table, 3)).toBe(null);
});
