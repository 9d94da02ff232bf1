/** Cuts the addresses of a list into slices, once. */
import { AddressSet } from '../lists/address-set.js';
import { WorkTime } from '../portions.js';
import type { SubmissionStore } from '../store/submissions.js';

/** A list as a submission reads it: the addresses of some rows at a time. */
export type ListAddresses = AsyncIterable<readonly string[]>;

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

/** Null: the lease is lost. Flat but for the addresses that were seen. */
export async function prepareSlices(
  store: SubmissionStore,
  { id, owner, addresses, dedupKey, keepsRepeats, sliceSize }: Preparation,
): Promise<Prepared | null> {
  const seen = new AddressSet();
  const slices = new SliceWriter(store, id, owner, sliceSize);
  let repeats = 0;
  const time = new WorkTime();
  for await (const batch of addresses) {
    for (const address of batch) {
      if (time.isUp) await time.giveTurn();
      const isRepeat = !seen.add(dedupKey(address));
      if (isRepeat) repeats++;
      if (!isRepeat || keepsRepeats) slices.add(address);
    }
    // One batch of rows at a time: a slice may be far larger, or far smaller.
    if (!(await slices.write())) return null;
  }
  if (!(await slices.end())) return null;
  return { total: slices.count, repeats };
}

/** Characters of a slice: ten thousand ordinary addresses have fewer. One of cells as long as a cell may be would be half a gigabyte. */
const SLICE_CHARACTERS = 1024 * 1024;

/** A slice ends with its last address, or where it has so many characters. */
class SliceWriter {
  /** Addresses so far. */
  count = 0;
  #number = 0;
  readonly #full: string[][] = [];
  #last: string[] = [];
  #characters = 0;

  constructor(
    private readonly store: SubmissionStore,
    private readonly id: string,
    private readonly owner: string,
    private readonly size: number,
  ) {}

  add(address: string): void {
    this.#last.push(address.toWellFormed());
    this.#characters += address.length;
    this.count++;
    if (this.#last.length >= this.size || this.#characters >= SLICE_CHARACTERS) this.#cut();
  }

  /** Writes the slices that are full. */
  async write(): Promise<boolean> {
    for (let slice = this.#full.shift(); slice !== undefined; slice = this.#full.shift())
      if (!(await this.#writeOne(slice))) return false;
    return true;
  }

  end(): Promise<boolean> {
    if (this.#last.length > 0) this.#cut();
    return this.write();
  }

  #cut(): void {
    this.#full.push(this.#last);
    this.#last = [];
    this.#characters = 0;
  }

  #writeOne(emails: readonly string[]): Promise<boolean> {
    const slice = { number: this.#number++, emails: emails.length, addresses: JSON.stringify(emails) };
    return this.store.addSlice(this.id, this.owner, slice);
  }
}
