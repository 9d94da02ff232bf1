/** Decides which faults a batch has. */
import type { Faults } from '../options.js';
import { chance } from '../verdict/chance.js';
import type { Result } from '../verdict/result.js';
import type { Batch } from './batch.js';

/** How a batch will be run. */
export interface Plan {
  /** How many addresses each round covers. A round starts from the first address, and the last round counts. */
  readonly rounds: readonly number[];
  /** Whether a complete update is published. */
  readonly ends: boolean;
  /** Position of the address that is left out; null: none. */
  readonly hole: number | null;
  readonly repeats: boolean;
  readonly shuffles: boolean;
  readonly gaps: boolean;
  readonly reruns: boolean;
  readonly hasRival: boolean;
}

/** The same plan for the same batch and seed. */
export function planOf({ number, emails }: Batch, faults: Faults, seed: string, publishEvery: number): Plan {
  const happens = (fault: keyof Faults) => chance(`${seed} ${number}`, fault) < faults[fault];
  const total = emails.length;
  // At least one update is sent before the restart, or the restart could not be observed.
  const middle = Math.floor(total / 2 / publishEvery) * publishEvery;
  const isSilent = happens('silence');
  const lastRound = isSilent ? middle : total;
  return {
    rounds:
      happens('restart') && !isSilent
        ? [Math.max(middle, Math.min(publishEvery, total)), total]
        : [lastRound],
    ends: !isSilent,
    hole: happens('hole') && total > 1 ? Math.floor(total / 2) : null,
    repeats: happens('repeat'),
    shuffles: happens('shuffle'),
    gaps: happens('gap'),
    reruns: happens('rerun') && !isSilent,
    hasRival: happens('rivals'),
  };
}

/** An answer in Latin-1, decoded as UTF-8 with `surrogateescape`. */
const LATIN_REASON = '5.1.1 Empf\udce4nger ung\udcfcltig';

/** The result as it would be if the mail server had answered in Latin-1. */
export function withSurrogates(result: Result, { surrogate }: Faults): Result {
  const { details, email } = result;
  if (details.sub_status !== 'Rejected Email' || chance(email, 'surrogate') >= surrogate) return result;
  return { ...result, details: { ...details, general: { ...details.general, reason: LATIN_REASON } } };
}
