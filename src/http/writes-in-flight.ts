import type { RequestHandler } from 'express';
import { Fault } from '../errors.js';

const CHANGES_NOTHING = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Counts the requests that may change something, so that stopping can let those under way finish and turn away later
 * ones: a list that the validator has accepted must still be registered.
 */
export class WritesInFlight {
  #isOpen = true;
  #underWay = 0;
  #onIdle: (() => void) | undefined;

  readonly handler: RequestHandler = (req, res, next) => {
    if (CHANGES_NOTHING.has(req.method)) return next();
    if (!this.#isOpen) throw new Fault('unavailable', 'the gateway is stopping');
    this.#underWay++;
    res.once('close', () => {
      this.#underWay--;
      if (this.#underWay === 0) this.#onIdle?.();
    });
    next();
  };

  /** Turns away what comes from now on; fulfilled once what was let in is answered, or after `patienceMs`. */
  drain(patienceMs: number): Promise<void> {
    this.#isOpen = false;
    if (this.#underWay === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, patienceMs);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
