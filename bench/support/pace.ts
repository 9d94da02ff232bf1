import { setTimeout as sleep } from 'node:timers/promises';

/** Calls `send` this many times at an even rate. A late call is made up for at once. Fulfilled after the last call. */
export async function paced(
  count: number,
  perSecond: number,
  send: (index: number) => Promise<unknown>,
): Promise<void> {
  const startedAt = performance.now();
  for (let index = 0; index < count; index++) {
    const due = startedAt + (index / perSecond) * 1000;
    if (due > performance.now()) await sleep(due - performance.now());
    await send(index);
  }
}
