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
/** Each mark has its batch's document written: a command with many would take a busy database too long. */
const AT_ONCE = 16;
/** With more, the next announcement waits until they are removed. */
const MAX_BATCHES = 1_000;
/** The marks that are left when a gateway stops are found by the sweep of another one, so they may not hold it up for long. */
const LAST_MS = 1_000;

/** Removes the mark of a batch. */
export const UNMARK = { $unset: { unannounced: 1 } } as const;

/** A batch with a change that may not be announced. */
export type MarkedBatch = Pick<BatchDoc, 'batchId' | 'generation' | 'version'>;

interface Announced {
  readonly generation: Generation;
  readonly version: number;
  /** On the monotonic clock. */
  readonly at: number;
}

export class AnnouncedMarks {
  /** How each batch was announced last. */
  readonly #batches = new Map<BatchId, Announced>();
  #timer: NodeJS.Timeout | undefined;
  #removing: Promise<void> | undefined;
  #endsAt = Number.POSITIVE_INFINITY;

  constructor(private readonly connection: Pick<MongoConnection, 'run'>) {}

  /** To be called once the batches are announced up to these versions. */
  async add(db: Models, generation: Generation, versions: ReadonlyMap<BatchId, number>): Promise<void> {
    const at = performance.now();
    for (const [batchId, version] of versions) this.#batches.set(batchId, { generation, version, at });
    if (this.#batches.size > MAX_BATCHES) await this.remove(db);
    this.#schedule();
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

  /** Removes the marks, each only if none of its batch's changes was stored since. */
  remove(db: Models): Promise<void> {
    return this.#remove(db, Number.POSITIVE_INFINITY);
  }

  /** Begins a last call, which the connection lets finish before it closes. */
  close(): void {
    this.#endsAt = performance.now() + LAST_MS;
    clearTimeout(this.#timer);
    if (this.#batches.size > 0) this.connection.run((db) => this.remove(db)).catch(() => undefined);
  }

  #schedule(): void {
    if (this.#batches.size === 0 || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => void this.#removeOld(), AFTER_MS).unref();
  }

  /** Where it fails, the next attempt or the sweep of another gateway removes them. */
  async #removeOld(): Promise<void> {
    const before = performance.now() - AFTER_MS;
    await this.connection.run((db) => this.#remove(db, before)).catch(() => undefined);
    this.#timer = undefined;
    if (this.#endsAt === Number.POSITIVE_INFINITY) this.#schedule();
  }

  /** One call at a time: where the database is slow, more of them would only repeat each other. */
  async #remove(db: Models, before: number): Promise<void> {
    await this.#removing?.catch(() => undefined);
    this.#removing ??= this.#removeAnnounced(db, before).finally(() => {
      this.#removing = undefined;
    });
    await this.#removing;
  }

  async #removeAnnounced(db: Models, before: number): Promise<void> {
    const marks = [...this.#batches].flatMap(([batchId, { generation, version, at }]) =>
      at > before ? [] : [{ filter: { batchId, version, generation }, update: UNMARK }],
    );
    for (let start = 0; start < marks.length && performance.now() < this.#endsAt; start += AT_ONCE) {
      // Those that were replaced meanwhile are left out.
      const some = marks.slice(start, start + AT_ONCE).filter(({ filter }) => this.isAnnounced(filter));
      await updateEach(db.batches, some);
      for (const { filter } of some) if (this.isAnnounced(filter)) this.#batches.delete(filter.batchId);
    }
  }
}
