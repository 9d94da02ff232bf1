/**
 * Removes the marks of batches that are announced, a moment later and many at once. A batch that grows has another mark by
 * then, so its document is not written once more for each of its updates. If the gateway dies, the sweep finds the marks.
 */
import type { BatchId, Generation } from '../../domain/id.js';
import type { MongoConnection } from './connection.js';
import type { BatchDoc } from './documents/batches.js';
import { type Models, updateEach } from './models.js';

/** Long enough for the next update of a batch under load, far below the age at which the sweep looks at marks. */
const AFTER_MS = 500;
/** More are removed at once, so that few have to be remembered. */
const MAX_BATCHES = 1_000;

/** A batch with a change that may not be announced. */
export type MarkedBatch = Pick<BatchDoc, 'batchId' | 'generation' | 'version'>;

export class AnnouncedMarks {
  /** The version of each batch up to which it is announced. */
  readonly #batches = new Map<BatchId, { readonly generation: Generation; readonly version: number }>();
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly connection: Pick<MongoConnection, 'run'>) {}

  /** To be called once the batches are announced up to these versions. */
  async add(db: Models, generation: Generation, versions: ReadonlyMap<BatchId, number>): Promise<void> {
    for (const [batchId, version] of versions) this.#batches.set(batchId, { generation, version });
    if (this.#batches.size > MAX_BATCHES) await this.remove(db);
    else if (this.#batches.size > 0) this.#timer ??= setTimeout(() => this.#removeSoon(), AFTER_MS).unref();
  }

  /** An update that is stored has left another mark. */
  replaced({ batchId, version }: Pick<MarkedBatch, 'batchId' | 'version'>): void {
    const known = this.#batches.get(batchId);
    if (known !== undefined && known.version < version) this.#batches.delete(batchId);
  }

  /** Whether a mark stands for a change that this gateway has announced. */
  isAnnounced({ batchId, generation, version }: MarkedBatch): boolean {
    const known = this.#batches.get(batchId);
    return known?.version === version && known.generation === generation;
  }

  /** Removes the marks now, each only if none of its batch's changes was stored since. */
  async remove(db: Models): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const marks = [...this.#batches].map(([batchId, { generation, version }]) => ({
      filter: { batchId, version, generation },
      update: { $unset: { unannounced: 1 } },
    }));
    await updateEach(db.batches, marks);
    for (const { filter } of marks) if (this.isAnnounced(filter)) this.#batches.delete(filter.batchId);
  }

  /** Begins a last call, which the connection lets finish before it closes. */
  close(): void {
    clearTimeout(this.#timer);
    void this.#removeSoon();
  }

  /** Where it fails, the next announcement or the sweep tries again. */
  async #removeSoon(): Promise<void> {
    this.#timer = undefined;
    if (this.#batches.size > 0) await this.connection.run((db) => this.remove(db)).catch(() => undefined);
  }
}
