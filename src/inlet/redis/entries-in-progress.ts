/** Works on the stream entries that this gateway has read: each is acknowledged in the end, or released to another gateway. */

import { REDIS_BACKOFF } from '../../redis/client.js';
import { backoff, pauseUnlessAborted } from '../../waiting.js';
import type { ProcessOutcome } from './message-processor.js';
import { bytesOf, type StreamEntry, type StreamGroup } from './stream-group.js';

const MAX_ENTRIES = 256;

/** One attempt at an entry; `failures`: how many attempts have failed before it for a reason that may be the entry. */
type Attempt = (failures: number) => Promise<ProcessOutcome>;

export class EntriesInProgress {
  readonly #bytesById = new Map<string, number>();
  #bytes = 0;
  /** Entries whose first attempt has failed. No other entry is added until they are through. */
  #retrying = 0;
  #wake = (): void => undefined;

  constructor(
    private readonly group: Pick<StreamGroup, 'acknowledge' | 'release'>,
    private readonly maxBytes: number,
    private readonly closing: AbortSignal,
  ) {}

  get ids(): string[] {
    return [...this.#bytesById.keys()];
  }

  get hasRoom(): boolean {
    return this.#retrying === 0 && this.#bytesById.size < MAX_ENTRIES && this.#bytes < this.maxBytes;
  }

  /** How many bytes more fit. */
  get room(): number {
    return this.maxBytes - this.#bytes;
  }

  has(id: string): boolean {
    return this.#bytesById.has(id);
  }

  /** Begins to work on an entry. A no-op where it is in progress already. */
  add(entry: StreamEntry, attempt: Attempt): void {
    const { id } = entry;
    if (this.has(id)) return;
    const bytes = bytesOf(entry);
    this.#bytesById.set(id, bytes);
    this.#bytes += bytes;
    void this.#finish(id, attempt).finally(() => {
      this.#bytesById.delete(id);
      this.#bytes -= bytes;
      this.#wake();
    });
  }

  /** Fulfilled when the next entry is through, or at `wake`. */
  changed(): Promise<void> {
    return new Promise((resolve) => {
      const wakeOthers = this.#wake;
      this.#wake = () => {
        wakeOthers();
        this.#wake = () => undefined;
        resolve();
      };
    });
  }

  wake(): void {
    this.#wake();
  }

  async idle(): Promise<void> {
    while (this.#bytesById.size > 0) await this.changed();
  }

  async #finish(id: string, attempt: Attempt): Promise<void> {
    let failures = 0;
    const isDone = await this.#retry(async () => {
      const outcome = await attempt(failures);
      if (outcome === 'failure') failures++;
      return outcome === 'done';
    });
    const acknowledge = () =>
      this.group.acknowledge(id).then(
        () => true,
        () => false,
      );
    if (isDone) await this.#retry(acknowledge);
    else await this.group.release([id]).catch(() => undefined);
  }

  /** Repeats an attempt until it succeeds; false: the inlet was closed before. The first attempt is made in any case. */
  async #retry(succeeds: () => Promise<boolean>): Promise<boolean> {
    if (await succeeds()) return true;
    this.#retrying++;
    try {
      for (let failures = 0; !this.closing.aborted; failures++) {
        await pauseUnlessAborted(backoff(failures, REDIS_BACKOFF), this.closing);
        if (await succeeds()) return true;
      }
      return false;
    } finally {
      this.#retrying--;
    }
  }
}
