/** Notices that the files of an open database were deleted, moved, replaced or cut off: a write would go where it is never found. */
import { statSync } from 'node:fs';
import { Fault } from '../../../errors.js';
import type { ThreadRequest } from './messages.js';
import type { WriterOperation } from './operations.js';

/** Reads between the writes: what is stored can still be saved elsewhere. */
const READS: ReadonlySet<string> = new Set<WriterOperation>([
  'updates.fileOfBatch',
  'updates.foreignBatches',
  'updates.heldBytes',
  'updates.heldCounts',
  'files.find',
  'changes.since',
  'changes.unannounced',
  'changes.pending',
  'submissions.next',
  'submissions.ofFile',
]);
export const readsOnly = ({ operation }: ThreadRequest): boolean => READS.has(operation);

interface WatchedFile {
  readonly path: string;
  /** Device and number of the file; undefined: it was not there yet. */
  identity: string | undefined;
}

export class FileWatch {
  readonly #files: readonly WatchedFile[];
  /** Of the first file, after the last writes. */
  #bytes = 0n;
  #isCut = false;

  /** Call it when the database is open. The first file is its own. `bytesOfDatabase`: of its pages, as its log knows them. */
  constructor(
    paths: readonly string[],
    private readonly bytesOfDatabase: () => number,
  ) {
    this.#files = paths.map((path) => ({ path, identity: identityOf(path) }));
    this.endWrites();
  }

  /** Another program may make the file shorter through the database, by VACUUM or a checkpoint: then all of its pages are there. */
  beginWrites(): void {
    const bytes = this.#bytesNow();
    if (bytes !== null && bytes < this.#bytes && bytes < this.bytesOfDatabase()) this.#isCut = true;
  }

  endWrites(): void {
    this.#bytes = this.#bytesNow() ?? this.#bytes;
  }

  /** Null: the file is not at its place. */
  #bytesNow(): bigint | null {
    const [file] = this.#files;
    const found = file && statSync(file.path, { throwIfNoEntry: false, bigint: true });
    return found !== undefined && `${found.dev}.${found.ino}` === file?.identity ? found.size : null;
  }

  /** Names the file that is gone or cut off; null: all are there. It ends when the same file is back at its place. */
  fault(): Fault | null {
    if (this.#isCut)
      return unusable(
        'FILE_CUT',
        `another program has made ${this.#files[0]?.path} shorter; stop the gateway and restore it from a backup`,
      );
    for (const file of this.#files) {
      const identity = identityOf(file.path);
      file.identity ??= identity;
      if (identity === file.identity) continue;
      const hint = `${file.path} was ${identity === undefined ? 'deleted or moved' : 'replaced'} while the gateway has it open; move it back, or stop the gateway and restore it`;
      return unusable('FILE_GONE', hint);
    }
    return null;
  }

  /** @throws Fault naming the file that is gone */
  check(): void {
    const fault = this.fault();
    if (fault !== null) throw fault;
  }
}

const unusable = (code: string, hint: string): Fault =>
  new Fault('unavailable', 'the database cannot be used now', {
    retryAfterSeconds: 1,
    refusal: { reason: 'refused', code, hint },
  });

function identityOf(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  return found === undefined ? undefined : `${found.dev}.${found.ino}`;
}
