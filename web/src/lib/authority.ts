// Who commands a dock, as the console sees it. The tower decides; here it is only put into words.

import type { Asked, DeviceStatus, Lease } from '../api/types';

/** Somebody who asks for a dock that the reader has. */
export interface Asking {
  sn: string;
  asked: Asked;
}

export type Standing = 'free' | 'implicit' | 'mine' | 'other';

/** How the authority over dock and flight stands for who reads. */
export function standing(lease: Lease | null, me: string): Standing {
  if (!lease) return 'free';
  if (!lease.is_explicit) return 'implicit';
  return lease.holder.who === me ? 'mine' : 'other';
}

/** Docks that the reader asked for and has: they say now and then that they are there. */
export function held(docks: Iterable<DeviceStatus>, me: string): { sn: string; fence: number }[] {
  const mine = [];
  for (const { sn, authority } of docks) {
    const lease = authority?.flight ?? null;
    if (lease && standing(lease, me) === 'mine') mine.push({ sn, fence: lease.fence });
  }
  return mine;
}

/** Who asks for what the reader has, oldest first. */
export function askings(docks: Iterable<DeviceStatus>, me: string): Asking[] {
  const all: Asking[] = [];
  for (const { sn, authority } of docks) {
    if (standing(authority?.flight ?? null, me) !== 'mine') continue;
    for (const asked of authority.asked) {
      if (asked.scope === 'flight') all.push({ sn, asked });
    }
  }
  return all.sort((one, other) => one.asked.since_ms - other.asked.since_ms);
}

/** A name on record for people: accounts by their address, others as they are. */
export function shortName(who: string): string {
  return who.startsWith('user:') ? who.slice('user:'.length) : who;
}
