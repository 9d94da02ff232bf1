/** Waits until something is settled, one way or the other, but not for longer than this; whether it was. Never rejects. */
export function settledWithin(ms: number, something: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    const settle = () => {
      clearTimeout(timer);
      resolve(true);
    };
    something.then(settle, settle);
  });
}
