/** Lets the requests that may change something finish while the gateway stops, and refuses new ones. */
import type { IncomingMessage } from 'node:http';
import { Fault } from '../errors.js';
import type { Step } from './chain.js';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

export const isWrite = ({ method = '' }: IncomingMessage): boolean => !SAFE_METHODS.has(method);

/** Counts those requests: a list that the validator has accepted must still be registered. */
export class WritesInFlight {
  #isDraining = false;
  #count = 0;
  #onIdle: (() => void) | undefined;

  readonly handler: Step = (req, res, next) => {
    if (!isWrite(req)) return next();
    if (this.#isDraining) throw new Fault('unavailable', 'the gateway is stopping');
    this.#count++;
    res.once('close', () => {
      this.#count--;
      if (this.#count === 0) this.#onIdle?.();
    });
    next();
  };

  /** Refuses writes from now on. Resolves once those in flight are answered, or after `timeoutMs`. */
  drain(timeoutMs: number): Promise<void> {
    this.#isDraining = true;
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
