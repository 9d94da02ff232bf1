/** Bounds what exports in the layouts of a list keep in memory, at the pace at which their clients read. */
import { CallerShares } from '../../caller-shares.js';
import type { ListSummary } from '../../domain/list-summary.js';
import { Fault } from '../../errors.js';
import { RETRY_AFTER_SECONDS } from '../running-limit.js';

/** What a verdict and its address take. */
const VERDICT_BYTES = 100;

/** The texts that the cells of a workbook share, and the verdicts of all results: both are needed for any row. */
export const listMemoryOf = ({ sharedBytes = 0 }: ListSummary, results: number): number =>
  sharedBytes + VERDICT_BYTES * results;

export class ListMemory {
  readonly #shares: CallerShares;

  constructor(private readonly maxSharedBytes: number) {
    this.#shares = new CallerShares(2 * maxSharedBytes);
  }

  /**
   * Counts the bytes of an export until the returned function is called. A caller has one of any size, and more within half of what
   * those of others leave. One that keeps nothing is never refused. @throws Fault `rate_limited`
   */
  begin(caller: string, bytes: number): () => void {
    if (bytes > 0 && this.#shares.of(caller) > 0 && !this.#shares.fits(caller, bytes))
      throw new Fault(
        'rate_limited',
        `the lists that are exported take too much memory: MAX_SHARED_BYTES allows ${this.maxSharedBytes} of one caller, or half of what others leave`,
        { retryAfterSeconds: RETRY_AFTER_SECONDS },
      );
    this.#shares.add(caller, bytes);
    return () => this.#shares.add(caller, -bytes);
  }
}
