import { expect, test } from 'vitest';
import { readRule, writeRule } from './rrule';
import { fromLocal, localTime, weekDays } from './zone';

test('a rule goes to words and back', () => {
  for (const rrule of [
    'FREQ=DAILY',
    'FREQ=DAILY;UNTIL=20261231',
    'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR',
    'FREQ=WEEKLY;BYDAY=MO,SA;UNTIL=20270101',
  ]) {
    const rule = readRule(rrule);
    expect(rule.often).not.toBe('expert');
    expect(writeRule(rule)).toBe(rrule);
  }
  for (const rrule of [
    'FREQ=MONTHLY;BYDAY=1MO',
    'FREQ=DAILY;INTERVAL=2',
    'FREQ=DAILY;COUNT=3',
    'FREQ=DAILY;UNTIL=20261231T000000Z',
    'FREQ=WEEKLY',
    'FREQ=WEEKLY;BYDAY=XX',
  ]) {
    expect(readRule(rrule).often, rrule).toBe('expert');
  }
});

test('clocks of a zone go there and back, also where they change', () => {
  const nine = Date.parse('2026-11-25T00:00:00Z');
  expect(localTime(nine, 'Asia/Seoul')).toBe('2026-11-25T09:00:00');
  expect(fromLocal('2026-11-25T09:00:00', 'Asia/Seoul')).toBe(nine);
  expect(fromLocal('2026-03-29T09:00:00', 'Europe/Berlin')).toBe(
    Date.parse('2026-03-29T07:00:00Z'),
  );
  expect(localTime(nine, 'Mars/Olympus')).toBe('2026-11-25T00:00:00');
});

test('a week begins on its Monday and has days of their own length', () => {
  const sunday = Date.parse('2026-03-29T12:00:00Z');
  const days = weekDays(sunday, 'Europe/Berlin');
  expect(localTime(days[0] ?? 0, 'Europe/Berlin')).toBe('2026-03-23T00:00:00');
  expect(days.length).toBe(8);
  expect((days[7] ?? 0) - (days[6] ?? 0)).toBe(23 * 3_600_000);
  const next = weekDays(sunday, 'Asia/Seoul', 1);
  expect(localTime(next[0] ?? 0, 'Asia/Seoul')).toBe('2026-03-30T00:00:00');
});
