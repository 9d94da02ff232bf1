import { InvalidInput } from '../../domain/invalid-input.js';
import { ERRORS, Fault } from '../../errors.js';
import type { Logger } from '../../logger.js';
import type { Metrics } from '../../metrics.js';
import type { DeadLetterStore } from '../../store/dead-letters.js';
import type { Intake } from '../intake.js';

export interface MessageProcessorDeps {
  readonly inlet: 'pubsub' | 'stream';
  readonly intake: Pick<Intake, 'update'>;
  readonly deadLetters: Pick<DeadLetterStore, 'add'>;
  /** A message that fails for an unknown reason is put aside after this many tries. */
  readonly maxDeliveries: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** `outage`: later will do, whatever it is; `failure`: it may be the message itself. */
export type ProcessOutcome = 'settled' | 'outage' | 'failure';

const SAY_EVERY_MS = 1_000;

/** Brings messages to their end, stored or put aside. What is transient and what is poison is decided here. */
export class MessageProcessor {
  #unsaid = 0;
  #saidAt = 0;

  constructor(private readonly deps: MessageProcessorDeps) {}

  /** One try; `failures`: how many have failed before it. */
  async process(message: Uint8Array, failures: number): Promise<ProcessOutcome> {
    try {
      this.count(await this.deps.intake.update(message));
      return 'settled';
    } catch (error) {
      const poison = poisonOf(error);
      if (poison !== null) return this.addDeadLetter(textOf(message), poison);
      if (error instanceof Fault && error.code === 'unavailable') return 'outage';
      this.deps.logger.error({ err: error, inlet: this.deps.inlet }, 'an update could not be stored');
      if (failures + 1 < this.deps.maxDeliveries) return 'failure';
      return this.addDeadLetter(textOf(message), `could not be stored in ${failures + 1} tries`);
    }
  }

  /** Never lost without a word: what cannot be put aside now has to come again. */
  async addDeadLetter(payload: string, reason: string): Promise<ProcessOutcome> {
    const { inlet, deadLetters, logger } = this.deps;
    try {
      await deadLetters.add({ inlet, reason, payload });
    } catch (error) {
      logger.error({ err: error, inlet }, 'a message could not be put aside; trying again');
      return 'outage';
    }
    this.count('dead_letter');
    this.#say(reason);
    return 'settled';
  }

  count(outcome: string, messages = 1): void {
    this.deps.metrics.inletMessages.inc({ inlet: this.deps.inlet, outcome }, messages);
  }

  /** A producer that sends nothing but rubbish must not fill the log as well. */
  #say(reason: string): void {
    this.#unsaid++;
    const now = Date.now();
    if (now - this.#saidAt < SAY_EVERY_MS) return;
    const { inlet, logger } = this.deps;
    logger.warn({ inlet, reason, messages: this.#unsaid }, 'put aside what could not be read');
    this.#saidAt = now;
    this.#unsaid = 0;
  }
}

/** Why an update can never be taken in, in words that hold nothing of it; null: it may be later. */
export function poisonOf(error: unknown): string | null {
  if (error instanceof InvalidInput) return error.message;
  if (error instanceof Fault && !ERRORS[error.code].retryable) return error.message;
  return null;
}

const decoder = new TextDecoder();
export const textOf = (bytes: Uint8Array): string => decoder.decode(bytes);
