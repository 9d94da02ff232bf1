/** The one way into the pipeline: every inlet and every REST route that changes a file calls it. */

import type { BatchId, FileId } from '../domain/id.js';
import type { Claimant } from '../domain/ownership.js';
import type { Update } from '../domain/update.js';
import { Fault } from '../errors.js';
import type { Conflator } from '../pipeline/conflator.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import type { Registered, Registration, Saved } from '../store/store.js';
import type { UpdateReader } from './update-reader.js';

/** No more fits into one document of MongoDB, and both engines answer the same. */
const MAX_RESULT_BYTES = 14 * 2 ** 20;

/** A result's text is at most as many times as long as what it was read from: `1e20` is stored as 21 digits. */
const LONGER_AS_STORED = 8;
/** A character has three bytes at most, so few results have to be measured. */
const isTooLarge = ({ json }: { readonly json: string }): boolean =>
  json.length > MAX_RESULT_BYTES / 3 && Buffer.byteLength(json) > MAX_RESULT_BYTES;

interface ReadUpdate {
  readonly update: Update;
  /** How many it was read from. */
  readonly bytes: number;
  /** When it came, by the monotonic clock. */
  readonly arrivedAt: number;
}

export class Intake {
  constructor(
    private readonly pipeline: Pipeline,
    private readonly conflator: Conflator,
    private readonly reader: UpdateReader,
    private readonly maxUpdateBytes: number,
  ) {}

  /**
   * Takes in one update as it came, JSON in UTF-8. Fulfilled once it is stored. `isFound`: see `Update.isFound`.
   * @throws InvalidInput where it is not an update, naming the fields
   * @throws Fault `payload_too_large`; `file_not_found` where the sender may not change the file that it names;
   *   `unavailable` while overloaded or without the store
   */
  async update(bytes: Uint8Array, sender: Claimant, isFound = false): Promise<Saved['outcome']> {
    const read = await this.read(bytes);
    return this.take(isFound ? { ...read, update: { ...read.update, isFound } } : read, sender);
  }

  /** The first half of `update`: nothing is changed yet. @throws InvalidInput; Fault `payload_too_large` */
  async read(bytes: Uint8Array): Promise<ReadUpdate> {
    if (bytes.byteLength > this.maxUpdateBytes) {
      throw new Fault('payload_too_large', `an update may have ${this.maxUpdateBytes} bytes`);
    }
    const arrivedAt = performance.now();
    const update = await this.reader.readInTurns(bytes);
    if (bytes.byteLength > MAX_RESULT_BYTES / LONGER_AS_STORED && update.results.some(isTooLarge))
      throw new Fault('payload_too_large', `a single result may have ${MAX_RESULT_BYTES} bytes`);
    return { update, bytes: bytes.byteLength, arrivedAt };
  }

  /** The other half. Fulfilled once the update is stored. @throws Fault `file_not_found`; `unavailable` */
  async take({ update, bytes, arrivedAt }: ReadUpdate, sender: Claimant): Promise<Saved['outcome']> {
    const outcome = await this.conflator.take(update, bytes, sender, arrivedAt);
    // Its file may be deleted: none of its addresses may stay in memory.
    if (outcome === 'superseded') this.reader.forget(update.batchId);
    return outcome;
  }

  /** Registers batches and applies the updates that are held for them; see `UpdateStore.register`. */
  register(registration: Registration, claimant: Claimant): Promise<Registered> {
    return this.pipeline.register(registration, claimant);
  }

  /** Makes a change of a file in the store, and announces it. */
  change<T>(fileId: FileId, store: () => Promise<T>): Promise<T> {
    return this.pipeline.change(fileId, store);
  }

  /**
   * Ends a batch that will never answer; false: the file has no such batch.
   * @throws Fault `file_not_found` where the claimant may not do that
   */
  fail(fileId: FileId, batchId: BatchId, reason: string, claimant: Claimant): Promise<boolean> {
    return this.pipeline.fail(fileId, batchId, reason, claimant);
  }

  /**
   * Deletes a file and informs its listeners; false: there is no such file.
   * @throws Fault `file_not_found` where the claimant may not do that
   */
  async remove(fileId: FileId, claimant: Claimant): Promise<boolean> {
    try {
      return await this.pipeline.remove(fileId, claimant);
    } finally {
      // None of its addresses may stay in memory, and the reader does not know which batches were the file's.
      this.reader.forgetAll();
    }
  }
}
