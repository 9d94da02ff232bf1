/** Logs a trouble that comes again and again: at once, and then once a minute with the number of times. */

import { Fault } from './errors.js';
import type { Logger } from './logger.js';

const EVERY_MS = 60_000;

export class RepeatLog {
  readonly #troubles = new Map<string, { loggedAt: number; unlogged: number }>();

  constructor(private readonly logger: Logger) {}

  /** Errors of the same kind under the same message are one trouble. */
  log(level: 'warn' | 'error', error: unknown, message: string, fields: object = {}): void {
    const key = `${message}\n${kindOf(error)}`;
    const now = performance.now();
    const trouble = this.#troubles.get(key);
    if (trouble !== undefined && now - trouble.loggedAt < EVERY_MS) {
      trouble.unlogged++;
      return;
    }
    const times = (trouble?.unlogged ?? 0) + 1;
    this.#troubles.set(key, { loggedAt: now, unlogged: 0 });
    this.logger[level]({ err: error, ...(times > 1 && { times }), ...fields }, message);
  }
}

/** None of the data: there are few kinds. */
function kindOf(error: unknown): string {
  if (error instanceof Fault) return `${error.code} ${error.refusal?.reason} ${error.refusal?.code}`;
  return error instanceof Error ? error.name : typeof error;
}
