/**
 * The same function with at most `atMost` calls under way; further calls wait, and start in the order in which they came.
 * A call that is over passes its place directly to the longest waiting one, so no later call can take the place first.
 */
export function limitConcurrency<A extends readonly unknown[], R>(
  atMost: number,
  call: (...args: A) => Promise<R>,
): (...args: A) => Promise<R> {
  const waiting: (() => void)[] = [];
  let active = 0;
  return async (...args) => {
    if (active >= atMost) await new Promise<void>((start) => waiting.push(start));
    else active++;
    try {
      return await call(...args);
    } finally {
      const startNext = waiting.shift();
      if (startNext === undefined) active--;
      else startNext();
    }
  };
}
