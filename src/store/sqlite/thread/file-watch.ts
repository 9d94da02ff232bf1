/** Notices that the files of an open database were deleted, moved, replaced or cut off: a write would go where it is never found. */
import { statSync } from 'node:fs';
import { Fault } from '../../../errors.js';
import type { ThreadRequest } from './messages.js';
import type { WriterOperation } from './operations.js';

/** Reads between the writes: what is stored can still be saved elsewhere. */
const READS: ReadonlySet<string> = new Set<WriterOperation>([
  'updates.fileOfBatch',
  'updates.checkBatches',
  'updates.heldBytes',
  'updates.heldCounts',
  'dueUpdates.all',
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
  /** After the last writes. */
  bytes: bigint;
}

export class FileWatch {
  readonly #files: readonly WatchedFile[];
  /** The path of a file that was cut off. */
  #cut: string | null = null;

  /**
   * Call it when the database is open. `neededBytes`: of the first files, the database and its log, how many bytes each has to have,
   * as the database knows it.
   */
  constructor(
    paths: readonly string[],
    private readonly neededBytes: readonly (() => number)[],
  ) {
    this.#files = paths.map((path) => ({ path, identity: identityOf(path), bytes: 0n }));
    this.endWrites();
  }

  /** Another program may make a file shorter through the database, by VACUUM or a checkpoint: then all that is needed is there. */
  beginWrites(): void {
    for (const [file, needed] of this.#measured()) {
      const bytes = bytesNow(file);
      if (bytes !== null && bytes < file.bytes && bytes < needed()) this.#cut = file.path;
    }
  }

  endWrites(): void {
    for (const [file] of this.#measured()) file.bytes = bytesNow(file) ?? file.bytes;
  }

  #measured(): (readonly [WatchedFile, () => number])[] {
    return this.neededBytes.flatMap((needed, n) => {
      const file = this.#files[n];
      return file === undefined ? [] : [[file, needed] as const];
    });
  }

  /** Names the file that is gone or cut off; null: all are there. It ends when the same file is back at its place. */
  fault(): Fault | null {
    if (this.#cut !== null)
      return unusable(
        'FILE_CUT',
        `another program has made ${this.#cut} shorter; stop the gateway and restore it from a backup`,
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

/** Null: the file is not at its place. */
function bytesNow({ path, identity }: WatchedFile): bigint | null {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  return found !== undefined && `${found.dev}.${found.ino}` === identity ? found.size : null;
}

function identityOf(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  return found === undefined ? undefined : `${found.dev}.${found.ino}`;
}
