/**
 * Truncates the write-ahead log for the writing thread. No read may use the log at that moment: readers that never pause would
 * put it off for ever. So after a while they are made to pause between two reads.
 */
import type { Database } from '../database.js';
import { truncateLog } from '../open.js';

/** Usually there is a moment without a read before that. */
const PATIENCE_MS = 1_000;
/** A reading thread pauses this long at most: another one may be at a long read, for which it must not wait. */
const PAUSE_MS = 50;
/** Readers are let go where no further try has come by then. */
const WANTED_MS = 1_000;

/** What both sides share: 1 while reading threads are to pause. */
export const newReadPause = (): SharedArrayBuffer => new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);

/** In a reading thread, between two reads. */
export function pauseIfAsked(shared: SharedArrayBuffer): void {
  Atomics.wait(new Int32Array(shared), 0, 1, PAUSE_MS);
}

export class LogTruncation {
  readonly #isAsked: Int32Array;
  #failingSince: number | null = null;
  #letGo: NodeJS.Timeout | undefined;

  constructor(
    shared: SharedArrayBuffer,
    private readonly patienceMs = PATIENCE_MS,
  ) {
    this.#isAsked = new Int32Array(shared);
  }

  /** False: the log is being read; the caller tries again within a second. */
  try(db: Database): boolean {
    const isDone = truncateLog(db);
    if (isDone) this.#end();
    else {
      this.#failingSince ??= performance.now();
      if (performance.now() - this.#failingSince >= this.patienceMs) this.#ask();
    }
    return isDone;
  }

  #ask(): void {
    Atomics.store(this.#isAsked, 0, 1);
    clearTimeout(this.#letGo);
    this.#letGo = setTimeout(() => this.#end(), WANTED_MS).unref();
  }

  #end(): void {
    this.#failingSince = null;
    clearTimeout(this.#letGo);
    Atomics.store(this.#isAsked, 0, 0);
    Atomics.notify(this.#isAsked, 0);
  }
}
