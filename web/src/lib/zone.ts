// Days and clocks of a time zone. Pure: `now` comes in.

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string): Intl.DateTimeFormat {
  let found = formats.get(zone);
  if (!found) {
    const options = {
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
    } as const;
    try {
      found = new Intl.DateTimeFormat('en-GB', { ...options, timeZone: zone });
    } catch {
      found = new Intl.DateTimeFormat('en-GB', { ...options, timeZone: 'UTC' });
    }
    formats.set(zone, found);
  }
  return found;
}

/** `2026-11-25T09:00:00` as clocks of the zone show it. */
export function localTime(ms: number, zone: string): string {
  const parts = format(zone).formatToParts(ms);
  const get = (type: string) => parts.find((part) => part.type === type)?.value ?? '00';
  return `${get('year')}-${get('month')}-${get('day')}T${get('hour')}:${get('minute')}:${get('second')}`;
}

/** When clocks of the zone show this; where they skip it, a moment after, where twice, once. */
export function fromLocal(local: string, zone: string): number {
  const wanted = Date.parse(`${local}Z`);
  let at = wanted;
  for (let turn = 0; turn < 3; turn += 1) {
    const off = Date.parse(`${localTime(at, zone)}Z`) - wanted;
    if (off === 0) return at;
    at -= off;
  }
  return at;
}

const dayMs = 86_400_000;

/** The beginnings of so many days, from the Monday of the week that `ms` lies in, `weeks` later. */
export function weekDays(ms: number, zone: string, weeks = 0, days = 7): number[] {
  const date = localTime(ms, zone).slice(0, 10);
  const noon = Date.parse(`${date}T12:00:00Z`);
  const sinceMonday = (new Date(noon).getUTCDay() + 6) % 7;
  const monday = noon + (weeks * 7 - sinceMonday) * dayMs;
  return Array.from({ length: days + 1 }, (_, day) => {
    const text = new Date(monday + day * dayMs).toISOString().slice(0, 10);
    return fromLocal(`${text}T00:00:00`, zone);
  });
}
