/** A message that an inlet could not read, kept as it came until an operator replays or discards it. */
export interface DeadLetter {
  /** Later ones compare greater, by the clocks of their gateways. */
  readonly id: string;
  /** The inlet that received it: `pubsub` or `stream`. */
  readonly inlet: string;
  /** Why it could not be read, without any of its text; says so where the payload is truncated. */
  readonly reason: string;
  /** ISO 8601 in UTC. */
  readonly receivedAt: string;
  /** The message as it came; bytes that are no UTF-8 and lone surrogates are replaced. */
  readonly payload: string;
  /** The message was too large: the payload is its beginning. */
  readonly truncated: boolean;
}

/** The most that is kept of one message: the largest update there is by default. MongoDB takes no more than 16 MB. */
export const MAX_PAYLOAD_BYTES = 8 * 2 ** 20;

export interface NewDeadLetter extends Pick<DeadLetter, 'inlet' | 'reason'> {
  /** Bytes are UTF-8. Of a message that may be large, pass the bytes: only what is kept of them is read. */
  readonly payload: string | Uint8Array;
}

export interface DeadLetterQuery {
  readonly limit: number;
  /** Only dead letters older than this id; null: from the newest on. */
  readonly after: string | null;
  /** Payloads are cut to this length, between two characters. */
  readonly payloadBytes: number;
}

export interface DeadLetterLimits {
  /** How long a dead letter is kept: it may hold addresses. */
  readonly ttlMs: number;
  /** Of all dead letters together. */
  readonly maxBytes: number;
}

/** Dead letters whose time to live is over are not returned any more. */
export interface DeadLetterStore {
  /**
   * Keeps a message, or its beginning where it is very large; the oldest ones are deleted where there is no room for it.
   * Fulfilled once it is durable. Not deduplicated: a caller that tries again after an error may keep it twice.
   */
  add(message: NewDeadLetter): Promise<void>;
  /** Newest first. */
  list(query: DeadLetterQuery): Promise<DeadLetter[]>;
  /** With its whole stored payload; null: there is none with this id (any more). */
  find(id: string): Promise<DeadLetter | null>;
  /** Deletes one, without a trace; false: there is none with this id (any more). */
  discard(id: string): Promise<boolean>;
  /** Deletes those whose time to live is over. Called at intervals. */
  dropExpired(): Promise<void>;
}
