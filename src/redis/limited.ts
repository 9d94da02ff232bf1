/** The same function, with at most so many calls at work; the others wait for their turn. */
export function limited<A extends readonly unknown[], R>(
  atOnce: number,
  call: (...args: A) => Promise<R>,
): (...args: A) => Promise<R> {
  const waiting: (() => void)[] = [];
  let atWork = 0;
  return async (...args) => {
    if (atWork >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve));
    else atWork++;
    try {
      return await call(...args);
    } finally {
      const next = waiting.shift();
      if (next === undefined) atWork--;
      else next();
    }
  };
}
