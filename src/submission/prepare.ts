/** Cuts the addresses of a list into slices, once, and notes for each row which of the addresses it has. */
import { AddressSet } from '../lists/address-set.js';
import { NO_ADDRESS, type SubmissionStore } from '../store/submissions.js';

/** A list as a submission reads it: for each row its address, or null where the row has none. */
export type ListAddresses = AsyncIterable<readonly (string | null)[]>;

interface Preparation {
  readonly id: string;
  readonly owner: string;
  readonly addresses: ListAddresses;
  /** Equal for addresses that count as the same. */
  readonly dedupKey: (address: string) => string;
  /** Each repeat of an address is sent as well. */
  readonly keepsRepeats: boolean;
  readonly sliceSize: number;
}

interface Prepared {
  /** Addresses in all slices. */
  readonly total: number;
  /** Rows whose address is that of an earlier row, whether it is sent again or not. */
  readonly repeats: number;
}

/** Rows in one part of the map: 4 bytes each. */
const ROWS_PER_PART = 48 * 1024;

/** Null: the lease is lost. Flat but for the addresses that were seen. */
export async function prepareSlices(
  store: SubmissionStore,
  { id, owner, addresses, dedupKey, keepsRepeats, sliceSize }: Preparation,
): Promise<Prepared | null> {
  const seen = new AddressSet();
  const slices = new SliceWriter(store, id, owner, sliceSize);
  const map = new RowWriter(store, id, owner);
  let repeats = 0;
  for await (const batch of addresses) {
    for (const address of batch) {
      if (address === null) {
        map.add(NO_ADDRESS);
        continue;
      }
      const known = seen.size;
      // Where repeats are not sent, addresses are sent in the order in which the set numbers them.
      const number = seen.numberOf(dedupKey(address));
      const isRepeat = seen.size === known;
      if (isRepeat) repeats++;
      map.add(isRepeat && !keepsRepeats ? number : slices.add(address));
    }
    // One batch of rows at a time: a slice may be far larger, or far smaller.
    if (!(await slices.write()) || !(await map.write())) return null;
  }
  if (!(await slices.end()) || !(await map.end())) return null;
  return { total: slices.count, repeats };
}

class SliceWriter {
  /** Addresses so far. */
  count = 0;
  #number = 0;
  #waiting: string[] = [];

  constructor(
    private readonly store: SubmissionStore,
    private readonly id: string,
    private readonly owner: string,
    private readonly size: number,
  ) {}

  /** Answers with the number of the address. */
  add(address: string): number {
    this.#waiting.push(address.toWellFormed());
    return this.count++;
  }

  /** Writes the slices that are full. */
  async write(): Promise<boolean> {
    while (this.#waiting.length >= this.size)
      if (!(await this.#writeOne(this.#waiting.splice(0, this.size)))) return false;
    return true;
  }

  async end(): Promise<boolean> {
    return (await this.write()) && (this.#waiting.length === 0 || (await this.#writeOne(this.#waiting)));
  }

  #writeOne(emails: readonly string[]): Promise<boolean> {
    const slice = { number: this.#number++, emails: emails.length, addresses: JSON.stringify(emails) };
    return this.store.addSlice(this.id, this.owner, slice);
  }
}

class RowWriter {
  #part = 0;
  #numbers: number[] = [];

  constructor(
    private readonly store: SubmissionStore,
    private readonly id: string,
    private readonly owner: string,
  ) {}

  add(address: number): void {
    this.#numbers.push(address);
  }

  async write(): Promise<boolean> {
    while (this.#numbers.length >= ROWS_PER_PART)
      if (!(await this.#writeOne(this.#numbers.splice(0, ROWS_PER_PART)))) return false;
    return true;
  }

  async end(): Promise<boolean> {
    return (await this.write()) && (this.#numbers.length === 0 || (await this.#writeOne(this.#numbers)));
  }

  #writeOne(numbers: readonly number[]): Promise<boolean> {
    return this.store.addRows(this.id, this.owner, this.#part++, Uint32Array.from(numbers));
  }
}
