// Giving one order: one key for its whole life, so that asking again never orders twice.

import { ApiError, api, newKey } from '../api/client';
import type { Method } from '../lib/commands';
import { fleet } from '../state/fleet.svelte';

export interface Order {
  method: Method;
  key: string;
}

export type OrderOutcome =
  | { kind: 'taken' }
  | { kind: 'refused'; error: ApiError }
  | { kind: 'no_answer'; order: Order };

export function newOrder(method: Method): Order {
  return { method, key: newKey() };
}

/** Hands the order to the tower. What becomes of it comes by the stream. */
export async function give(sn: string, order: Order): Promise<OrderOutcome> {
  try {
    fleet.putCommand(await api.command(sn, order.method, order.key));
    return { kind: 'taken' };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.problem.command) fleet.putCommand(error.problem.command);
    // Without an answer nobody knows whether it arrived: it is never called failed.
    const answered = error.problem.status >= 400 && error.problem.status < 500;
    return answered ? { kind: 'refused', error } : { kind: 'no_answer', order };
  }
}
