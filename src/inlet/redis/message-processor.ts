/** Decides what becomes of a message from Redis: it is stored, is tried again later, or becomes a dead letter. */

import { InvalidInput } from '../../domain/invalid-input.js';
import { VALIDATOR } from '../../domain/ownership.js';
import { ERRORS, Fault } from '../../errors.js';
import { RepeatLog } from '../../log-repeats.js';
import type { Logger } from '../../logger.js';
import type { Metrics } from '../../metrics.js';
import type { DeadLetterStore, NewDeadLetter } from '../../store/dead-letters.js';
import type { Intake } from '../intake.js';

interface MessageProcessorDeps {
  readonly inlet: 'pubsub' | 'stream';
  readonly intake: Pick<Intake, 'update'>;
  readonly deadLetters: Pick<DeadLetterStore, 'add'>;
  /** A message that fails for an unknown reason becomes a dead letter after this many attempts. */
  readonly maxDeliveries: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/**
 * `done`: stored, or a dead letter. `outage`: the store is away or overloaded, and any message would fail now. `failure`:
 * the reason may be the message itself.
 */
export type ProcessOutcome = 'done' | 'outage' | 'failure';

/** Dead letters are logged at most this often. */
const LOG_INTERVAL_MS = 1_000;

export class MessageProcessor {
  #unlogged = 0;
  #loggedAt = Number.NEGATIVE_INFINITY;

  readonly #log: RepeatLog;

  constructor(private readonly deps: MessageProcessorDeps) {
    this.#log = new RepeatLog(deps.logger);
  }

  /** One attempt; `failures`: how many attempts have failed before it. */
  async process(message: Uint8Array, failures: number): Promise<ProcessOutcome> {
    try {
      this.count(await this.deps.intake.update(message, VALIDATOR));
      return 'done';
    } catch (error) {
      const reason = permanentReason(error);
      if (reason !== null) return this.addDeadLetter(message, reason);
      if (error instanceof Fault && error.code === 'unavailable') return 'outage';
      const { inlet, logger, maxDeliveries } = this.deps;
      logger.error({ err: error, inlet }, 'the gateway failed to store an update');
      if (failures + 1 < maxDeliveries) return 'failure';
      return this.addDeadLetter(message, `could not be stored in ${failures + 1} tries`);
    }
  }

  /** `outage`: the dead letter could not be stored, so the message has to be tried again. */
  async addDeadLetter(payload: NewDeadLetter['payload'], reason: string): Promise<ProcessOutcome> {
    const { inlet, deadLetters } = this.deps;
    try {
      await deadLetters.add({ inlet, reason, payload });
    } catch (error) {
      this.#log.log('error', error, 'the gateway failed to store a dead letter and tries again', { inlet });
      return 'outage';
    }
    this.count('dead_letter');
    this.#logDeadLetter(reason);
    return 'done';
  }

  count(outcome: string): void {
    this.deps.metrics.inletMessages.inc({ inlet: this.deps.inlet, outcome });
  }

  /** A producer that sends nothing but unreadable messages must not fill the log as well. */
  #logDeadLetter(reason: string): void {
    this.#unlogged++;
    const now = performance.now();
    if (now - this.#loggedAt < LOG_INTERVAL_MS) return;
    const { inlet, logger } = this.deps;
    logger.warn(
      { inlet, reason, messages: this.#unlogged },
      'unreadable messages were stored as dead letters',
    );
    this.#loggedAt = now;
    this.#unlogged = 0;
  }
}

/** Why an update can never be taken in, without any of its data; null: a later attempt may succeed. */
export function permanentReason(error: unknown): string | null {
  if (error instanceof InvalidInput) return error.message;
  if (error instanceof Fault && !ERRORS[error.code].retryable) return error.message;
  return null;
}
