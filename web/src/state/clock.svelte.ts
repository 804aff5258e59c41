// The server's time, ticking here. Ages are counted against it, so a wrong clock on this machine
// does not make every value look old.

class Clock {
  /** Server time now, epoch ms; moves once a second. */
  now: number = $state(Date.now());
  #offset = 0;

  constructor() {
    setInterval(() => {
      this.now = Date.now() + this.#offset;
    }, 1000);
  }

  /** Server time at this moment, without waiting for the next second. */
  exact(): number {
    return Date.now() + this.#offset;
  }

  /** Takes over the server's time. Small changes are network delay and would only make it jitter. */
  sync(serverMs: number): void {
    const offset = serverMs - Date.now();
    if (Math.abs(offset - this.#offset) < 500) return;
    this.#offset = offset;
    this.now = Date.now() + offset;
  }
}

export const clock = new Clock();
