/** What an inlet could not read and has nobody to give back to: kept as it came, until somebody deals with it. */
export interface DeadLetter {
  /** Names it; later ones compare greater, by the clocks of their gateways. */
  readonly id: string;
  /** The inlet it came by: `pubsub` or `stream`. */
  readonly inlet: string;
  /** Why it was put aside, in words that hold nothing of it; says so where not all of it was kept. */
  readonly reason: string;
  /** ISO 8601 in UTC. */
  readonly receivedAt: string;
  /** The message as it came; bytes that are no UTF-8 are replaced, and so are surrogates that stand alone. */
  readonly payload: string;
  /** It was too large to be kept whole: the payload is its beginning. */
  readonly truncated: boolean;
}

/** A letter on its way in. */
export type NewDeadLetter = Pick<DeadLetter, 'inlet' | 'reason' | 'payload'>;

export interface DeadLetterQuery {
  readonly limit: number;
  /** Id of the letter after which it goes on, towards the older ones; null: from the newest. */
  readonly after: string | null;
  /** Payloads are cut to it, between two characters. */
  readonly payloadBytes: number;
}

export interface DeadLetterLimits {
  /** How long a letter is kept: it may hold addresses. */
  readonly ttlMs: number;
  /** Of all letters together. */
  readonly maxBytes: number;
}

/** Dead letters whose time to live is over are not answered any more. */
export interface DeadLetterStore {
  /**
   * Keeps a message, or its beginning where it is very large; the oldest ones go where there is no room for it.
   * Fulfilled once it is durable. Not deduplicated: whoever tries again after an error may keep it twice.
   */
  add(letter: NewDeadLetter): Promise<void>;
  /** Newest first. */
  list(query: DeadLetterQuery): Promise<DeadLetter[]>;
  /** One of them, whole as it was kept; null: there is none of this id (any more). */
  find(id: string): Promise<DeadLetter | null>;
  /** Forgets one of them, without a trace; false: there is none of this id (any more). */
  discard(id: string): Promise<boolean>;
  /** Deletes those whose time to live is over. Asked for again and again. */
  dropExpired(): Promise<void>;
}
