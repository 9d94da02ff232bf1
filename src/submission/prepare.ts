/** Cuts the addresses of a list into slices, once. */
import { AddressSet } from '../lists/address-set.js';
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
  for await (const batch of addresses) {
    for (const address of batch) {
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

  add(address: string): void {
    this.#waiting.push(address.toWellFormed());
    this.count++;
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
