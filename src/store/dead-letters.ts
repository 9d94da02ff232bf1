/** What an inlet could not read and has nobody to give back to: kept as it came, until somebody deals with it. */
export interface DeadLetter {
  /** Names it; later ones compare greater. */
  readonly id: string;
  /** The inlet it came by: `pubsub` or `stream`. */
  readonly inlet: string;
  /** Why it was put aside, in words that hold nothing of it. */
  readonly reason: string;
  /** ISO 8601 in UTC. */
  readonly receivedAt: string;
  /** The message as it came; bytes that are no UTF-8 are replaced. */
  readonly payload: string;
}

export interface DeadLetterStore {
  /** Keeps a message; the oldest ones go where there is no room for it. Fulfilled once it is durable. */
  putAside(letter: Pick<DeadLetter, 'inlet' | 'reason' | 'payload'>): Promise<void>;
  /** Newest first, from after the one with the id `after`; payloads cut to `payloadBytes`. */
  deadLetters(query: {
    readonly limit: number;
    readonly after: string | null;
    readonly payloadBytes: number;
  }): Promise<DeadLetter[]>;
  /** One of them, whole; null: there is none of this id (any more). */
  deadLetter(id: string): Promise<DeadLetter | null>;
  /** Forgets one of them; false: there is none of this id. */
  discard(id: string): Promise<boolean>;
}
