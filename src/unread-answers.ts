/** Bounds what large answers keep in memory for clients that do not read them: those of REST and of sockets together. */

interface UnreadAnswer {
  /** The caller that it counts for. */
  readonly caller: string;
  /** What it takes in memory now. */
  bytes(): number;
  /** How much of it has yet to be read, where that is known: a buffer is freed as a whole, once all of it was read. */
  left?(): number;
  /** Ends its connection. */
  end(): void;
}

/** Smaller ones are handed to the system at once; over REST what it does not take is counted, too. */
export const LARGE_ANSWER = 64 * 1024;

interface Counted extends UnreadAnswer {
  counted: number;
  lastLeft: number;
}

export class UnreadAnswers {
  /** By connection, with what waited when it was looked at last. The one that has read nothing for the longest comes first. */
  readonly #waiting = new Map<object, Counted>();
  #bytes = 0;

  constructor(private readonly maxBytes: number) {}

  /** Counts what waits on a connection. Where there is no room for it, an answer of the caller with the most ends. */
  add(connection: object, answer: UnreadAnswer): void {
    this.remove(connection);
    const counted = answer.bytes();
    if (counted === 0) return;
    this.#waiting.set(connection, { ...answer, counted, lastLeft: leftOf(answer) });
    this.#bytes += counted;
    if (this.#bytes > this.maxBytes) this.#countAgain();
    while (this.#bytes > this.maxBytes && this.#endOne(connection));
  }

  /** The connection has read some of its answer. */
  hasRead(connection: object): void {
    const answer = this.#waiting.get(connection);
    if (answer === undefined) return;
    this.#waiting.delete(connection);
    this.#waiting.set(connection, answer);
  }

  remove(connection: object): void {
    this.#bytes -= this.#waiting.get(connection)?.counted ?? 0;
    this.#waiting.delete(connection);
  }

  #countAgain(): void {
    for (const [connection, answer] of [...this.#waiting]) {
      const bytes = answer.bytes();
      const left = leftOf(answer);
      if (left < answer.lastLeft) this.hasRead(connection);
      answer.lastLeft = left;
      this.#bytes += bytes - answer.counted;
      answer.counted = bytes;
      if (bytes === 0) this.remove(connection);
    }
  }

  /** The newest one is left. False: there is no other. */
  #endOne(newest: object): boolean {
    const ofCaller = new Map<string, number>();
    for (const { caller, counted } of this.#waiting.values())
      ofCaller.set(caller, (ofCaller.get(caller) ?? 0) + counted);
    let most = 0;
    let ended: [object, UnreadAnswer] | undefined;
    for (const [connection, answer] of this.#waiting) {
      const bytes = ofCaller.get(answer.caller) ?? 0;
      if (connection === newest || bytes <= most) continue;
      most = bytes;
      ended = [connection, answer];
    }
    if (ended === undefined) return false;
    this.remove(ended[0]);
    ended[1].end();
    return true;
  }
}

const leftOf = (answer: UnreadAnswer): number => answer.left?.() ?? answer.bytes();
