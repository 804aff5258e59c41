import { expect, test } from 'vitest';
import type { Asked, DeviceStatus, Lease } from '../api/types';
import { askings, held, shortName, standing } from './authority';

const lease = (who: string, is_explicit: boolean): Lease => ({
  holder: { who, kind: 'operator' },
  fence: 7,
  is_explicit,
  since_ms: 1,
});
const asked = (who: string, since_ms: number, scope: Asked['scope'] = 'flight'): Asked => ({
  scope,
  by: { who, kind: 'pilot' },
  note: '',
  since_ms,
});
const dock = (sn: string, flight: Lease | null, all: Asked[] = []) =>
  ({ sn, authority: { flight, payload: null, asked: all } }) as unknown as DeviceStatus;

test('a lease that came with a command keeps nobody out', () => {
  expect(standing(null, 'user:kim')).toBe('free');
  expect(standing(lease('user:lee', false), 'user:kim')).toBe('implicit');
  expect(standing(lease('user:kim', false), 'user:kim')).toBe('implicit');
  expect(standing(lease('user:kim', true), 'user:kim')).toBe('mine');
  expect(standing(lease('user:lee', true), 'user:kim')).toBe('other');
});

test('only what was asked for is held, and only its holder hears who asks', () => {
  const docks = [
    dock('D1', lease('user:kim', true), [asked('user:lee', 9), asked('user:cho', 3, 'payload')]),
    dock('D2', lease('user:lee', true), [asked('user:kim', 1)]),
    dock('D3', lease('user:kim', true), [asked('user:park', 2)]),
    dock('D4', lease('user:kim', false)),
    dock('D5', null),
    { sn: 'D6' } as DeviceStatus,
  ];
  expect(held(docks, 'user:kim')).toEqual([
    { sn: 'D1', fence: 7 },
    { sn: 'D3', fence: 7 },
  ]);
  expect(askings(docks, 'user:kim').map((one) => [one.sn, one.asked.by.who])).toEqual([
    ['D3', 'user:park'],
    ['D1', 'user:lee'],
  ]);
});

test('accounts are shown by their address', () => {
  expect(shortName('user:kim@example.kr')).toBe('kim@example.kr');
  expect(shortName('token:api')).toBe('token:api');
});
