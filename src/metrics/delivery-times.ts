/**
 * Follows an update from its arrival to the sockets: remembers for each file when the oldest update of the change that is
 * being appended arrived, until the event with that revision is on its way to the file's listeners here.
 */
import type { Histogram } from 'prom-client';
import type { FileId } from '../domain/id.js';

/** Files that are waited for; a change whose event never comes here, for want of listeners, is forgotten beyond it. */
const MAX_FILES = 10_000;

export class DeliveryTimes {
  /** By file, the one that was appended last at the end. Times are on the monotonic clock. */
  readonly #appended = new Map<FileId, { readonly revision: number; readonly arrivedAt: number }>();

  constructor(private readonly seconds: Pick<Histogram, 'observe'>) {}

  /** Call it before the append: the feed may announce the revision before that returns. */
  appending(fileId: FileId, revision: number, arrivedAt: number): void {
    this.#appended.delete(fileId);
    this.#appended.set(fileId, { revision, arrivedAt });
    if (this.#appended.size <= MAX_FILES) return;
    for (const [oldest] of this.#appended) {
      this.#appended.delete(oldest);
      return;
    }
  }

  /** When the oldest update of this revision arrived; undefined where another gateway appended it. */
  take(fileId: FileId, revision: number): number | undefined {
    const appended = this.#appended.get(fileId);
    if (appended?.revision !== revision) return undefined;
    this.#appended.delete(fileId);
    return appended.arrivedAt;
  }

  /** The event was written to every listener of its file. */
  written(arrivedAt: number): void {
    this.seconds.observe((performance.now() - arrivedAt) / 1000);
  }
}
