import { isNewer, type Update } from '../../domain/update.js';
import { detached, parseUpdate } from '../update-reader.js';

export interface RetainedMessage {
  readonly bytes: Uint8Array;
  readonly failures: number;
}

type Entry = RetainedMessage & Pick<Update, 'isComplete' | 'processedCount'>;

/** Messages that wait for the store to come back: of each batch the newest, for it says all that the others say. */
export class NewestMessages {
  readonly #byBatch = new Map<string, Entry>();

  get size(): number {
    return this.#byBatch.size;
  }

  /** Answers with the message that is not needed any more, if one is. */
  add(message: RetainedMessage): RetainedMessage | null {
    const { batchId, fileId, requestId, failure, isComplete, processedCount } = read(message.bytes);
    // What names another file, and a failure, which stands beside the newest list, say something of their own.
    const key = `${batchId}\n${fileId}\n${requestId}\n${failure !== null}`;
    const entry = { ...message, bytes: detached(message.bytes), isComplete, processedCount };
    const before = this.#byBatch.get(key);
    if (before !== undefined && !isNewer(entry, before)) return message;
    this.#byBatch.set(key, entry);
    return before ?? null;
  }

  /** Hands all of them out, and has none any more. */
  takeAll(): RetainedMessage[] {
    const all = [...this.#byBatch.values()];
    this.#byBatch.clear();
    return all;
  }
}

let unreadable = 0;

/** What cannot be read waits as well, for the dead letters, and takes nobody's place. */
function read(bytes: Uint8Array): Omit<Update, 'results'> {
  try {
    return parseUpdate(bytes);
  } catch {
    const batchId = `\n${++unreadable}`;
    return {
      batchId,
      fileId: null,
      requestId: null,
      totalBatches: null,
      isComplete: false,
      failure: null,
      totalEmails: null,
      processedCount: 0,
    };
  }
}
