/**
 * Overwrites what SQLite leaves between the cells of its pages. `secure_delete` overwrites what is deleted; but where cells were
 * moved to a neighbouring page before, to make room, their old bytes stay behind in the gap between the list of cells and the
 * first of them.
 */
import { openSync, readSync } from 'node:fs';
import { databasePath } from '../data-directory.js';
import type { Database } from '../database.js';
import type { LogTruncation } from './log-truncation.js';

/** A step goes on for this long: updates wait no longer than for it. */
const STEP_MS = 4;
/** A large database is not read all the time: the next pass begins after this many times the time that the last one took. */
const PAUSE_FACTOR = 20;
const MIN_PAUSE_MS = 1_000;
/** Between two tries to write the log back. */
const LOG_PAUSE_MS = 100;

/** https://www.sqlite.org/fileformat2.html#pointer_map_or_ptrmap_pages: an entry has the kind of a page, and its parent. */
const ENTRY_BYTES = 5;
/** Of the pages that have cells. All others are full, or were overwritten when they became free. */
const KINDS_WITH_CELLS = new Set([1, 5]);
/** No page is where locks are held: the byte after the first GiB. */
const LOCK_BYTE = 2 ** 30;

interface Layout {
  readonly pageBytes: number;
  /** Pages that one page of the map describes: those that follow it. */
  readonly mapped: number;
}

export class PageGaps {
  #isWanted = true;
  #notBefore = 0;
  #pass: Pass | null = null;
  /**
   * Of the database, for reading; the end of the thread closes it. A process that closes a file gives up its locks of it, SQLite's
   * included (https://www.sqlite.org/howtocorrupt.html, 2.2): the next program that closed the database would take itself for its
   * last user, and delete the log.
   */
  #file: number | undefined;

  constructor(
    private readonly directory: string,
    private readonly log: LogTruncation,
  ) {}

  /** Something was deleted. */
  want(): void {
    this.#isWanted = true;
  }

  /** Milliseconds until a step can be made; null: there is none to be made. */
  dueIn(now: number): number | null {
    if (this.#pass !== null) return 0;
    return this.#isWanted ? Math.max(0, this.#notBefore - now) : null;
  }

  /** Begins a pass, unless it is under way. The file has to hold everything; false: the log is being read, and stays. */
  begin(db: Database): boolean {
    if (this.#pass !== null) return true;
    if (!this.log.try(db)) {
      this.#pauseFor(LOG_PAUSE_MS);
      return false;
    }
    this.#isWanted = false;
    this.#file ??= openSync(databasePath(this.directory), 'r');
    this.#pass = new Pass(this.#file);
    return true;
  }

  /** Within a transaction. Answers whether the pass has ended. */
  step(db: Database): boolean {
    if (this.#pass?.step(db) === true) return false;
    this.end();
    return true;
  }

  /** Where a step failed: what is left is overwritten in the next pass. */
  fail(): void {
    this.end();
    this.#isWanted = true;
  }

  end(): void {
    this.#pauseFor(Math.max(MIN_PAUSE_MS, (this.#pass?.busyMs ?? 0) * PAUSE_FACTOR));
    this.#pass = null;
  }

  #pauseFor(ms: number): void {
    this.#notBefore = performance.now() + ms;
  }
}

/** Reads the file as it was when the log was written back, and overwrites in the database as it is. */
class Pass {
  busyMs = 0;
  readonly #layout: Layout;
  readonly #group: Buffer;
  readonly #zeros: Buffer;
  /** The page of the map whose group is read next. */
  #nextMap = 2;
  #map = 2;
  /** Of the group that was read. */
  #found: number[] = [];

  constructor(private readonly file: number) {
    this.#layout = layoutOf(file);
    const { pageBytes, mapped } = this.#layout;
    this.#group = Buffer.alloc((mapped + 1) * pageBytes);
    this.#zeros = Buffer.alloc(pageBytes);
  }

  /** False: there are no more pages. */
  step(db: Database): boolean {
    const begun = performance.now();
    try {
      if (this.#found.length === 0 && !this.#readGroup()) return false;
      if (this.#found.length > 0) this.#overwriteSome(db, begun + STEP_MS);
      return true;
    } finally {
      this.busyMs += performance.now() - begun;
    }
  }

  #readGroup(): boolean {
    const { pageBytes, mapped } = this.#layout;
    const isLocked = (page: number) => page === LOCK_BYTE / pageBytes + 1;
    this.#map = isLocked(this.#nextMap) ? this.#nextMap + 1 : this.#nextMap;
    this.#nextMap += mapped + 1;
    const read = readSync(this.file, this.#group, 0, this.#group.length, (this.#map - 1) * pageBytes);
    for (let at = 1; (at + 1) * pageBytes <= read; at++) {
      const page = this.#group.subarray(at * pageBytes, (at + 1) * pageBytes);
      if (this.#hasCells(this.#group, at) && !isLocked(this.#map + at) && this.#gapOf(page) !== null)
        this.#found.push(this.#map + at);
    }
    return read > pageBytes;
  }

  #hasCells(map: Uint8Array, at: number): boolean {
    return KINDS_WITH_CELLS.has(map[(at - 1) * ENTRY_BYTES] ?? 0);
  }

  /** The bytes of a page that belong to no cell; null: there are none, or they are zeros. */
  #gapOf(page: Buffer): Buffer | null {
    const header = HEADER_BYTES.get(page[0] ?? 0);
    if (header === undefined) return null;
    const from = header + 2 * page.readUInt16BE(3);
    const to = page.readUInt16BE(5);
    if (from >= to || to > page.length) return null;
    const gap = page.subarray(from, to);
    return gap.equals(this.#zeros.subarray(0, gap.length)) ? null : gap;
  }

  /** The pages may have changed, or have other contents, since the file was read. */
  #overwriteSome(db: Database, until: number): void {
    const map = pageIn(db, this.#map);
    for (let page = this.#found.pop(); page !== undefined; page = this.#found.pop()) {
      const bytes = pageIn(db, page);
      const gap = this.#hasCells(map, page - this.#map) ? this.#gapOf(bytes) : null;
      if (gap !== null) {
        gap.fill(0);
        db.run('UPDATE sqlite_dbpage SET data = unhex(?) WHERE pgno = ?', bytes.toString('hex'), page);
      }
      if (performance.now() > until) return;
    }
  }
}

/** Of pages of an index and of a table, inner ones and leaves. */
const HEADER_BYTES: ReadonlyMap<number, number> = new Map([
  [2, 12],
  [5, 12],
  [10, 8],
  [13, 8],
]);

function layoutOf(file: number): Layout {
  const head = Buffer.alloc(100);
  readSync(file, head, 0, head.length, 0);
  const pageBytes = head.readUInt16BE(16);
  const usable = pageBytes - (head[20] ?? 0);
  return { pageBytes, mapped: Math.floor(usable / ENTRY_BYTES) };
}

/** As the transaction sees it. Empty: the file has become shorter. */
function pageIn(db: Database, page: number): Buffer {
  const row = db.get<{ data: Uint8Array }>('SELECT data FROM sqlite_dbpage WHERE pgno = ?', page);
  return row === undefined ? Buffer.alloc(0) : Buffer.from(row.data);
}
