/** Notices that the files of an open database were deleted, moved or replaced: a write would go where it is never found. */
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

  /** Call it when the database is open. */
  constructor(paths: readonly string[]) {
    this.#files = paths.map((path) => ({ path, identity: identityOf(path) }));
  }

  /** Names the file that is gone; null: all are there. It ends when the same file is back at its place. */
  fault(): Fault | null {
    for (const file of this.#files) {
      const identity = identityOf(file.path);
      file.identity ??= identity;
      if (identity === file.identity) continue;
      const hint = `${file.path} was ${identity === undefined ? 'deleted or moved' : 'replaced'} while the gateway has it open; move it back, or stop the gateway and restore it`;
      return new Fault('unavailable', 'the database cannot be used now', {
        retryAfterSeconds: 1,
        refusal: { reason: 'refused', code: 'FILE_GONE', hint },
      });
    }
    return null;
  }

  /** @throws Fault naming the file that is gone */
  check(): void {
    const fault = this.fault();
    if (fault !== null) throw fault;
  }
}

function identityOf(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  return found === undefined ? undefined : `${found.dev}.${found.ino}`;
}
