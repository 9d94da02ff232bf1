import type { Registered, Registration, Saved } from '../store/store.js';

/** The one door into the pipeline: whatever reaches a file comes through here, whichever wire it came by. */
export interface Intake {
  /**
   * Takes in one update as it came, JSON in UTF-8. Fulfilled once it is stored. `isFound`: see `Update.isFound`.
   * @throws InvalidInput where it is not an update, naming the fields
   * @throws Fault `payload_too_large`; `unavailable` while overloaded or without the store
   */
  update(bytes: Uint8Array, isFound?: boolean): Promise<Saved['outcome']>;
  /** Registers batches and applies what is held for them; see `Store.register`. */
  register(registration: Registration): Promise<Registered>;
  /** Ends a batch that will never answer; false: the file has no such batch. */
  fail(fileId: string, batchId: string, reason: string): Promise<boolean>;
  /** Deletes a file, tells its listeners; false: there is no such file. */
  remove(fileId: string): Promise<boolean>;
}
