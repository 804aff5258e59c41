// Recurrence rules in words and back. Only what the form offers is read; the rest is shown as it is.

export const weekdays = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'] as const;
export type Weekday = (typeof weekdays)[number];
export type Often = 'daily' | 'weekdays' | 'weekly' | 'expert';

export interface Rule {
  often: Often;
  days: Weekday[];
  /** `YYYY-MM-DD`, its last day; empty: for ever. */
  until: string;
}

const working = 'MO,TU,WE,TH,FR';

export function writeRule({ often, days, until }: Rule): string {
  const end = until ? `;UNTIL=${until.replaceAll('-', '')}` : '';
  if (often === 'weekdays') return `FREQ=WEEKLY;BYDAY=${working}${end}`;
  if (often === 'weekly') {
    const chosen = weekdays.filter((day) => days.includes(day)).join(',');
    return `FREQ=WEEKLY;BYDAY=${chosen}${end}`;
  }
  return `FREQ=DAILY${end}`;
}

export function readRule(rrule: string): Rule {
  const parts = new Map(rrule.split(';').map((part) => part.split('=', 2) as [string, string]));
  const expert: Rule = { often: 'expert', days: [], until: '' };
  const known = ['FREQ', 'BYDAY', 'UNTIL'];
  if ([...parts.keys()].some((name) => !known.includes(name))) return expert;
  const last = /^(\d{4})(\d\d)(\d\d)$/.exec(parts.get('UNTIL') ?? '');
  if (parts.has('UNTIL') && !last) return expert;
  const until = last ? `${last[1]}-${last[2]}-${last[3]}` : '';
  const by = parts.get('BYDAY');
  if (parts.get('FREQ') === 'DAILY' && by === undefined) return { often: 'daily', days: [], until };
  if (parts.get('FREQ') !== 'WEEKLY' || by === undefined) return expert;
  const days = by.split(',').filter((day): day is Weekday => weekdays.includes(day as Weekday));
  if (days.length !== by.split(',').length) return expert;
  return { often: by === working ? 'weekdays' : 'weekly', days, until };
}
