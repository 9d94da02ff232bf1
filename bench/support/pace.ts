import { setTimeout as sleep } from 'node:timers/promises';

/** Sends `count` things, evenly over time; late ones follow at once. Fulfilled when the last one is under way. */
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
