// What each role may, as the tower's table has it (docs/rights.md). It only spares a click: the tower
// decides.

import { t } from '../i18n/index.svelte';
import type { Key } from '../i18n/ko';
import { session } from '../state/session.svelte';

export const roles = ['viewer', 'operator', 'pilot', 'engineer', 'administrator'] as const;
export type Role = (typeof roles)[number];

export const rights = [
  'view',
  'stop',
  'authority',
  'fly',
  'alarms',
  'settle',
  'override',
  'manual',
  'debug',
  'firmware',
  'docks',
  'people',
  'system',
  'configure',
  'audit',
] as const;
export type Right = (typeof rights)[number];

/** Whether the caller has it somewhere; true until the tower said. */
export function has(right: Right): boolean {
  return session.rights === null || session.rights.has(right);
}

/** Why not, in a sentence. */
export function missing(right: Right): string {
  return t('right.missing', { right, what: t(`right.${right}` as Key) });
}
