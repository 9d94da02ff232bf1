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

/** The same for each of several kinds of calls: those of one kind never wait for those of another. */
export function limitConcurrencyEach<A extends readonly unknown[], R>(
  atMost: number,
  kindOf: (...args: A) => string,
  call: (...args: A) => Promise<R>,
): (...args: A) => Promise<R> {
  const limited = new Map<string, (...args: A) => Promise<R>>();
  return (...args) => {
    const kind = kindOf(...args);
    const known = limited.get(kind) ?? limitConcurrency(atMost, call);
    limited.set(kind, known);
    return known(...args);
  };
}
