// Docks that this console's reader has for themselves: renewed while the console is open, and who
// asks for them.

import { api } from '../api/client';
import { type Asking, askings, held } from '../lib/authority';
import { fleet } from './fleet.svelte';
import { session } from './session.svelte';

/** Well within the silence that ends it (`authority.silence_s`, two minutes). */
const renewEveryMs = 10_000;

class AuthorityHeld {
  /** Who asks for what the reader has. */
  asked: Asking[] = $derived.by(() => {
    fleet.revision;
    return askings(fleet.devices.values(), session.who);
  });
  #timer: ReturnType<typeof setInterval> | undefined;

  start(): void {
    this.stop();
    this.#timer = setInterval(() => this.#renew(), renewEveryMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #renew(): void {
    for (const { sn, fence } of held(fleet.devices.values(), session.who)) {
      // That it is over is told by the dock itself; without an answer the next try comes soon.
      api.authority(sn, { action: 'renew', fence }).catch(() => undefined);
    }
  }
}

export const authorityHeld = new AuthorityHeld();
