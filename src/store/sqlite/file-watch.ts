/** Notices that the files of an open database were deleted, moved or replaced: a write would go where it is never found. */
import { statSync } from 'node:fs';
import { Fault } from '../../errors.js';

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

  /** @throws Fault naming the file; it ends when the same file is back at its place */
  check(): void {
    for (const file of this.#files) {
      const identity = identityOf(file.path);
      file.identity ??= identity;
      if (identity === file.identity) continue;
      const hint = `${file.path} was ${identity === undefined ? 'deleted or moved' : 'replaced'} while the gateway has it open; move it back, or stop the gateway and restore it`;
      throw new Fault('unavailable', 'the database cannot be used now', {
        retryAfterSeconds: 1,
        refusal: { reason: 'refused', code: 'FILE_GONE', hint },
      });
    }
  }
}

function identityOf(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  return found === undefined ? undefined : `${found.dev}.${found.ino}`;
}
