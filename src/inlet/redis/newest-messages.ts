/** Keeps the Pub/Sub messages that wait for the store: of each batch the newest, because updates are cumulative. */

import { type Completeness, isNewer } from '../../domain/update.js';
import { detached, parseUpdate } from '../update-reader.js';

export interface WaitingMessage {
  readonly bytes: Uint8Array;
  /** How many attempts have failed for a reason that may be the message itself. */
  readonly failures: number;
  /** What decides which of two messages is newer; read when the message is kept for the first time. */
  readonly envelope?: MessageEnvelope;
}

/** Parsing a larger message only to compare it would hold up the process. */
const MAX_PARSED_BYTES = 1024 * 1024;

interface MessageEnvelope extends Completeness {
  /** Two messages with the same key are updates of one batch, and only the newer one is needed. */
  readonly key: string;
}

type KeptMessage = WaitingMessage & { readonly envelope: MessageEnvelope };

export class NewestMessages {
  readonly #byKey = new Map<string, KeptMessage>();
  /** Messages that are kept whatever else comes. */
  #single = 0;

  /** `parse` fails where the bytes are not an update. */
  constructor(private readonly parse = parseUpdate) {}

  get size(): number {
    return this.#byKey.size;
  }

  /** Keeps a message unless a newer one of its batch is kept; returns the message that is not needed any more. */
  add(message: WaitingMessage): WaitingMessage | null {
    const { envelope = this.#read(message.bytes) } = message;
    const kept = this.#byKey.get(envelope.key);
    if (kept !== undefined && !isNewer(envelope, kept.envelope)) return message;
    this.#byKey.set(envelope.key, { ...message, bytes: detached(message.bytes), envelope });
    return kept ?? null;
  }

  /** Returns all messages and keeps none. */
  takeAll(): WaitingMessage[] {
    const all = [...this.#byKey.values()];
    this.#byKey.clear();
    return all;
  }

  /**
   * The list of results is parsed as well: a message whose list is invalid must become a dead letter. So it may neither
   * replace a valid update nor be dropped for one, and has a key of its own.
   */
  #read(bytes: Uint8Array): MessageEnvelope {
    if (bytes.byteLength > MAX_PARSED_BYTES) return this.#ofItsOwn();
    try {
      const { batchId, fileId, requestId, failure, isComplete, processedCount } = this.parse(bytes);
      // An update for another file or request is not replaced, and a failure is stored beside the newest list.
      const key = `${batchId}\n${fileId}\n${requestId}\n${failure !== null}`;
      return { key, isComplete, processedCount };
    } catch {
      return this.#ofItsOwn();
    }
  }

  #ofItsOwn(): MessageEnvelope {
    return { key: `single ${++this.#single}`, isComplete: false, processedCount: 0 };
  }
}
