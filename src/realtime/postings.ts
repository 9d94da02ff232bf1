import type { Mailing } from './mailing.js';

/** Who has not been written to yet, by the ids of sockets, and what each of them is to get. */
export type Posting = Map<string, Mailing>;

/** What is being written to the listeners of files: a large room takes more than one turn of the event loop. */
export class Postings {
  readonly #byFile = new Map<string, Posting>();
  #isWriting = false;

  constructor(private readonly write: (id: string, fileId: string, mailing: Mailing) => void) {}

  get isEmpty(): boolean {
    return this.#byFile.size === 0;
  }

  get isWriting(): boolean {
    return this.#isWriting;
  }

  /** Whoever still waits for what came before it gets that first. */
  add(fileId: string, posting: Posting): void {
    this.#writeSomeOf(fileId, Number.POSITIVE_INFINITY);
    if (posting.size > 0) this.#byFile.set(fileId, posting);
  }

  /** Writes to so many, at most. */
  writeSome(atMost: number): void {
    let left = atMost;
    for (const fileId of this.#byFile.keys()) left -= this.#writeSomeOf(fileId, left);
  }

  /** Writes to one of them what it still waits for. */
  writeTo(id: string): void {
    for (const fileId of this.#byFile.keys()) this.#writeTo(id, fileId);
  }

  #writeSomeOf(fileId: string, atMost: number): number {
    let count = 0;
    for (const id of this.#byFile.get(fileId)?.keys() ?? []) {
      if (count >= atMost) break;
      this.#writeTo(id, fileId);
      count++;
    }
    return count;
  }

  #writeTo(id: string, fileId: string): void {
    const posting = this.#byFile.get(fileId);
    const mailing = posting?.get(id);
    if (posting === undefined || mailing === undefined) return;
    posting.delete(id);
    if (posting.size === 0) this.#byFile.delete(fileId);
    const wasWriting = this.#isWriting;
    this.#isWriting = true;
    try {
      this.write(id, fileId, mailing);
    } finally {
      this.#isWriting = wasWriting;
    }
  }
}
