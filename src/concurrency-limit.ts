/** Limits how many calls are under way at once, of one caller and of all. */
import { Fault } from './errors.js';

/** Calls of one caller that wait before further ones are refused. */
export const WAITING_OF_CALLER = 1_000;
const RETRY_AFTER_SECONDS = 1;

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

/**
 * The same for each of several kinds of calls: those of one kind never wait for those of another. Where `waiting` calls of a kind
 * wait, a further one fails.
 * @throws Fault `rate_limited`
 */
export function limitConcurrencyEach<A extends readonly unknown[], R>(
  atMost: number,
  kindOf: (...args: A) => string,
  call: (...args: A) => Promise<R>,
  waiting = Number.POSITIVE_INFINITY,
): (...args: A) => Promise<R> {
  const kinds = new Map<string, { readonly limited: (...args: A) => Promise<R>; calls: number }>();
  return async (...args) => {
    const name = kindOf(...args);
    const kind = kinds.get(name) ?? { limited: limitConcurrency(atMost, call), calls: 0 };
    if (kind.calls >= atMost + waiting)
      throw new Fault('rate_limited', `${waiting} requests of this kind of one caller may wait at once`, {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    kinds.set(name, kind);
    kind.calls++;
    try {
      return await kind.limited(...args);
    } finally {
      // There may be as many kinds as callers.
      if (--kind.calls === 0) kinds.delete(name);
    }
  };
}

interface CallerLimits {
  /** Calls under way. */
  readonly ofCaller: number;
  readonly ofAll: number;
  /** Calls of one caller that wait; without it any number may. */
  readonly waiting?: number;
}

/**
 * Lets calls begin while there are places for them: of one caller, and of all. A caller's calls wait in a row of their own.
 * @throws Fault `rate_limited` where the caller's row is full
 */
export const limitCallers = <T>({ ofCaller, ofAll, waiting }: CallerLimits) =>
  limitConcurrencyEach(
    ofCaller,
    (caller: string, _call: () => Promise<T>) => caller,
    limitConcurrency(ofAll, (_caller: string, call: () => Promise<T>) => call()),
    waiting,
  );
