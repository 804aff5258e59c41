// Numbers, times and ages for people. Pure: `now` comes in.

/** Older than this a value is last known, not current; the dock reports at 0.5 Hz. */
export const staleAfterMs = 10_000;

export type Lang = 'ko' | 'en';

/** Age in the fewest words: `3 s`, `4 min`, `2 h`, `5 d`. Never negative: clocks may differ. */
export function age(sinceMs: number, lang: Lang): string {
  const seconds = Math.max(0, Math.floor(sinceMs / 1000));
  const [value, unit] = largest(seconds);
  const units = lang === 'ko' ? { s: '초', m: '분', h: '시간', d: '일' } : short;
  return lang === 'ko' ? `${value}${units[unit]}` : `${value} ${units[unit]}`;
}

const short = { s: 's', m: 'min', h: 'h', d: 'd' };

function largest(seconds: number): [number, keyof typeof short] {
  if (seconds < 60) return [seconds, 's'];
  if (seconds < 3600) return [Math.floor(seconds / 60), 'm'];
  if (seconds < 86_400) return [Math.floor(seconds / 3600), 'h'];
  return [Math.floor(seconds / 86_400), 'd'];
}

/** Length of a step: `840 ms`, `3.2 s`, `1:05`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const rest = String(seconds % 60).padStart(2, '0');
  return seconds < 3600
    ? `${Math.floor(seconds / 60)}:${rest}`
    : `${Math.floor(seconds / 3600)}:${String(Math.floor((seconds % 3600) / 60)).padStart(2, '0')}:${rest}`;
}

const clocks = new Map<string, Intl.DateTimeFormat>();

function formatter(zone: string | undefined, options: Intl.DateTimeFormatOptions) {
  const key = `${zone}|${JSON.stringify(options)}`;
  let found = clocks.get(key);
  if (!found) {
    const base = { hourCycle: 'h23', ...options } as const;
    try {
      found = new Intl.DateTimeFormat('en-GB', zone ? { ...base, timeZone: zone } : base);
    } catch {
      // A zone this browser does not know: show UTC rather than a wrong local time.
      found = new Intl.DateTimeFormat('en-GB', { ...base, timeZone: 'UTC' });
    }
    clocks.set(key, found);
  }
  return found;
}

const clockParts = { hour: '2-digit', minute: '2-digit', second: '2-digit' } as const;

/** Time of day in the site's zone. */
export function timeOfDay(ms: number, zone?: string): string {
  return formatter(zone, clockParts).format(ms);
}

/** `09:06:41.123`, for traces. */
export function timeWithMs(ms: number, zone?: string): string {
  return `${timeOfDay(ms, zone)}.${String(((ms % 1000) + 1000) % 1000).padStart(3, '0')}`;
}

/** `2026-05-04 09:06:41` in the site's zone. */
export function dateTime(ms: number, zone?: string): string {
  const parts = formatter(zone, {
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    ...clockParts,
  }).formatToParts(ms);
  const get = (type: string) => parts.find((part) => part.type === type)?.value ?? '';
  return `${get('year')}-${get('month')}-${get('day')} ${get('hour')}:${get('minute')}:${get('second')}`;
}

/** What people call the zone: `KST`, else the offset. */
export function zoneName(zone: string | undefined): string {
  if (zone === 'Asia/Seoul') return 'KST';
  const part = formatter(zone, { timeZoneName: 'short' })
    .formatToParts(0)
    .find((piece) => piece.type === 'timeZoneName');
  return part?.value ?? zone ?? '';
}

/** A number with as many decimals as it deserves; `–` when there is none. */
export function number(value: unknown, decimals = 0): string {
  if (typeof value !== 'number' || !Number.isFinite(value)) return '–';
  return value.toFixed(decimals);
}

/** `+1.2 s`, `-0.4 s`, and plain `0.0 s` for what rounds to nothing. */
export function signedSeconds(ms: number): string {
  const tenths = Math.round(ms / 100);
  return `${tenths > 0 ? '+' : ''}${((tenths || 0) / 10).toFixed(1)} s`;
}

/** A counter; `–` for what no counter can be (Mosquitto's wraps below zero). */
export function count(value: number): string {
  if (!Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER) return '–';
  return value.toLocaleString('en', { maximumFractionDigits: 1 });
}

/** Any telemetry value for the table of all values. */
export function scalar(value: unknown): string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'number') {
    return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(9)));
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

export function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  if (count < 1024 * 1024) return `${(count / 1024).toFixed(0)} KiB`;
  return `${(count / 1024 / 1024).toFixed(1)} MiB`;
}

export function metres(value: number): string {
  return value < 10_000 ? `${Math.round(value)} m` : `${(value / 1000).toFixed(1)} km`;
}
