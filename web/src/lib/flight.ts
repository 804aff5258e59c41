// What happened in a flight, one line each. Pure.

import type { FlightRecord, FlightSeries, Reason } from '../api/types';

export type Kind = 'step' | 'command' | 'event' | 'alarm';

export interface Moment {
  at: number;
  kind: Kind;
  /** Code of the words: a step, a method, an alarm's cause. */
  what: string;
  /** How it went, where that is known. */
  state: string;
  detail: string;
  /** DJI `current_step` of a report. */
  step: number | null;
  reason: Reason | null;
}

interface Progress {
  output?: { status?: string; progress?: { current_step?: number } };
}

/** Reports that come every second are told when they say something else. */
function news(data: unknown): string {
  const { output } = (data ?? {}) as Progress;
  return `${output?.status ?? ''} ${output?.progress?.current_step ?? ''}`.trim();
}

/** Everything in order of time. */
export function moments(record: FlightRecord): Moment[] {
  const { mission } = record;
  const found: Moment[] = mission.steps.map((step) => ({
    at: step.at_ms,
    kind: 'step',
    what: step.step,
    state: '',
    detail: step.detail ?? '',
    step: null,
    reason: step.step === 'ended' ? mission.reason : null,
  }));
  for (const command of record.commands) {
    const last = command.steps.at(-1);
    found.push({
      at: command.accepted_ms,
      kind: 'command',
      what: command.method,
      state: command.state,
      detail: command.issued_by,
      step: null,
      reason: command.reason,
    });
    if (last && last.at_ms - command.accepted_ms > 2000 && command.state !== 'succeeded') {
      found.push({
        at: last.at_ms,
        kind: 'command',
        what: command.method,
        state: command.state,
        detail: last.detail ?? '',
        step: null,
        reason: command.reason,
      });
    }
  }
  const told = new Map<string, string>();
  for (const event of record.events) {
    const says = news(event.data);
    if (told.get(event.method) === says && says !== '') continue;
    told.set(event.method, says);
    found.push({
      at: event.at_ms,
      kind: 'event',
      what: event.method,
      state: '',
      detail: (event.data as Progress | null)?.output?.status ?? '',
      step: (event.data as Progress | null)?.output?.progress?.current_step ?? null,
      reason: null,
    });
  }
  for (const alarm of record.alarms) {
    found.push({
      at: alarm.raised_ms,
      kind: 'alarm',
      what: alarm.cause,
      state: alarm.state,
      detail: '',
      step: null,
      reason: alarm.reason,
    });
  }
  return found.sort((a, b) => a.at - b.at);
}

/** The last index whose time is not after `at`; -1 before the first. */
export function indexAt(times: number[], at: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** A gap longer than so many steps is one: nothing is drawn over it. */
const gapSteps = 5;
export const gapLeastMs = 15_000;

export interface Standing {
  lon: number;
  lat: number;
  heading: number | null;
  /** How old the report is that this stands on. */
  ageMs: number;
}

/** Where the aircraft was reported last; nothing where that is too long ago to be drawn. */
export function standing(series: FlightSeries, at: number): Standing | null {
  for (let index = indexAt(series.at_ms, at); index >= 0; index -= 1) {
    const ageMs = at - (series.at_ms[index] ?? 0);
    if (ageMs > Math.max(gapLeastMs, series.step_ms * gapSteps)) return null;
    const [lon, lat] = [series.longitude_deg[index] ?? null, series.latitude_deg[index] ?? null];
    if (lon !== null && lat !== null) {
      return { lon, lat, heading: series.heading_deg[index] ?? null, ageMs };
    }
  }
  return null;
}

/** The track as lines: broken where nothing was heard. */
export function lines(series: FlightSeries): [number, number][][] {
  const found: [number, number][][] = [];
  let last = Number.NEGATIVE_INFINITY;
  series.at_ms.forEach((at, index) => {
    const [lon, lat] = [series.longitude_deg[index] ?? null, series.latitude_deg[index] ?? null];
    if (lon === null || lat === null) return;
    if (at - last > Math.max(gapLeastMs, series.step_ms * gapSteps)) found.push([]);
    found.at(-1)?.push([lon, lat]);
    last = at;
  });
  return found;
}
