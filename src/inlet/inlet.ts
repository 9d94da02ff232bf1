/** The ports of the inlets that receive updates without a caller who waits for an answer. */

import type { BatchId } from '../domain/id.js';
import type { LookUp } from '../pipeline/pipeline.js';

export interface Inlet {
  /** Begins to take in updates. A source that is away is waited for in the background. */
  start(): void;
  /** The connections that are missing, as `/readyz` names them; empty: the inlet works. */
  problems(): string[];
  /**
   * Takes in no more. Fulfilled once every update that was taken in is stored, or left where another gateway finds it.
   * Calling it twice is a no-op.
   */
  close(): Promise<void>;
}

/** `lag`: entries that no gateway has read yet, null where the server does not know; `pending`: read and not stored yet. */
export interface StreamBacklog {
  readonly stream: string;
  readonly lag: number | null;
  readonly pending: number;
}

/** All such inlets of one gateway. */
export interface Inlets extends Inlet {
  /** Writes as the inlets do, on keys of its own. @throws Fault with the refusal */
  probe(): Promise<void>;
  /** Looks up silent batches before their stall is announced. */
  readonly lookUp: LookUp;
  /** How far the Redis Streams are read and stored. @throws Fault `unavailable` where none can be asked */
  streamBacklogs(): Promise<readonly StreamBacklog[]>;
  /** Deletes what the validator keeps of batches whose file is deleted. @throws Fault `unavailable` */
  deleteValidatorResults(batchIds: readonly BatchId[]): Promise<void>;
}
