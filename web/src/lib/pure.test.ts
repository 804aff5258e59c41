import { expect, test } from 'vitest';
import { backoffMs } from './backoff';
import {
  age,
  count,
  dateTime,
  duration,
  scalar,
  signedSeconds,
  timeOfDay,
  zoneName,
} from './format';
import { flagOf, headingOf, numberOf, storageUsedPercent } from './readings';
import { parseRoute, printRoute } from './route';
import { visibleWindow } from './window';

test('ages in both languages, never negative', () => {
  expect(age(-5000, 'en')).toBe('0 s');
  expect(age(59_999, 'en')).toBe('59 s');
  expect(age(60_000, 'ko')).toBe('1분');
  expect(age(7_200_000, 'ko')).toBe('2시간');
  expect(age(200_000_000, 'en')).toBe('2 d');
});

test('durations', () => {
  expect(duration(840)).toBe('840 ms');
  expect(duration(3240)).toBe('3.2 s');
  expect(duration(65_000)).toBe('1:05');
  expect(duration(3_725_000)).toBe('1:02:05');
});

test('times are shown in the zone of the site; an unknown zone falls back to UTC', () => {
  const at = Date.UTC(2026, 4, 4, 0, 6, 41);
  expect(timeOfDay(at, 'Asia/Seoul')).toBe('09:06:41');
  expect(dateTime(at, 'Asia/Seoul')).toBe('2026-05-04 09:06:41');
  expect(timeOfDay(at, 'No/Where')).toBe('00:06:41');
  expect(zoneName('Asia/Seoul')).toBe('KST');
});

test('clock skew keeps its sign and has no minus zero', () => {
  expect([1234, -40, -460, 0].map(signedSeconds)).toEqual(['+1.2 s', '0.0 s', '-0.5 s', '0.0 s']);
});

test('counters, and what no counter can be', () => {
  expect(count(12_345)).toBe('12,345');
  expect(count(18.871)).toBe('18.9');
  expect(count(18_446_744_073_707_817_000)).toBe('–');
});

test('values of any kind can be shown', () => {
  expect(scalar(0)).toBe('0');
  expect(scalar(0.1 + 0.2)).toBe('0.3');
  expect(scalar(false)).toBe('false');
  expect(scalar(null)).toBe('–');
  expect(scalar([{ a: 1 }])).toBe('[{"a":1}]');
});

test('flags as 0/1 and as booleans; 32767 means unavailable', () => {
  expect([1, true, 0, false, 2, undefined].map(flagOf)).toEqual([
    true,
    true,
    false,
    false,
    null,
    null,
  ]);
  const reading = (value: number) => ({ value, unit: '', source_ms: null, received_ms: 0 });
  expect(numberOf(reading(32_767))).toBe(null);
  expect(numberOf(reading(120), 1 / 60)).toBe(2);
  expect([-149, 0, -0.2, 359.7, 180].map((value) => headingOf(reading(value)))).toEqual([
    211, 0, 0, 0, 180,
  ]);
  expect(headingOf(undefined)).toBe(null);
  expect(storageUsedPercent({ 'storage.used': reading(25), 'storage.total': reading(100) })).toBe(
    25,
  );
  expect(storageUsedPercent({ 'storage.used': reading(25), 'storage.total': reading(0) })).toBe(
    null,
  );
});

test('every address that is printed is read back as the same view', () => {
  const check = (address: string, page: string) => {
    const url = new URL(address, 'http://x');
    const route = parseRoute(url.pathname, url.search);
    expect(route.page, address).toBe(page);
    expect(printRoute(route)).toBe(address);
  };
  check('/live', 'live');
  check('/live/SIMDK200000001?state=offline&q=%EB%8F%99', 'live');
  check('/live/SN?view=map&at=127.12345%2C36.5%2C14.2&follow=1&base=ortho', 'live');
  check('/live?view=list', 'live');
  check('/missions/a-b', 'missions');
  check('/traces/x', 'trace');
  check('/devices/SN', 'devices');
  check('/system', 'system');
  check('/nowhere', 'missing');
  check('/live/a/b', 'missing');
  expect(parseRoute('/live', '?state=nonsense')).toMatchObject({ state: null });
  expect(parseRoute('/live', '?at=1,2')).toEqual({
    page: 'live',
    sn: null,
    state: null,
    query: '',
  });
  expect(parseRoute('/live', '?at=500,2,3&view=x&base=%2F')).not.toHaveProperty('at');
  expect(parseRoute('/', '')).toMatchObject({ page: 'live', sn: null });
  expect(parseRoute('/live/%E0%A4%A', '')).toMatchObject({ page: 'live' });
});

test('reconnects back off, jittered, and never wait over 15 s', () => {
  expect(backoffMs(0, () => 0)).toBe(250);
  expect(backoffMs(0, () => 1)).toBe(500);
  expect(backoffMs(3, () => 0)).toBe(2000);
  expect(backoffMs(50, () => 1)).toBe(15_000);
});

test('only the rows in view are drawn, the last ones too', () => {
  expect(visibleWindow(1000, 44, 0, 440, 0)).toEqual({ from: 0, to: 10 });
  expect(visibleWindow(1000, 44, 43_560, 440, 2)).toEqual({ from: 988, to: 1000 });
  expect(visibleWindow(3, 44, 9000, 440)).toEqual({ from: 2, to: 3 });
  expect(visibleWindow(0, 44, 0, 440)).toEqual({ from: 0, to: 0 });
});
