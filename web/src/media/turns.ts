// A few at a time, in the order they were asked for.

const most = 3;
let running = 0;
const waiting: (() => void)[] = [];

/** Runs a piece of work when it is its turn. */
export async function inTurn(work: () => Promise<void>): Promise<void> {
  if (running >= most) await new Promise<void>((go) => waiting.push(go));
  running += 1;
  try {
    await work();
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}
