import type { Vices } from '../options.js';
import { chance } from '../verdict/chance.js';
import type { Result } from '../verdict/result.js';
import type { Batch } from './batch.js';

/** How a batch will go. */
export interface Plan {
  /** How many addresses are worked through, each time from the start; the last time counts. */
  readonly rounds: readonly number[];
  /** Whether it is ever called complete. */
  readonly ends: boolean;
  /** The place of the address that gets lost; null: none. */
  readonly hole: number | null;
  readonly repeats: boolean;
  readonly shuffles: boolean;
  readonly gaps: boolean;
  readonly reruns: boolean;
  readonly hasRival: boolean;
}

/** The same plan for the same batch of the same seed. */
export function planOf({ number, emails }: Batch, vices: Vices, seed: string, publishEvery: number): Plan {
  const happens = (vice: keyof Vices) => chance(`${seed} ${number}`, vice) < vices[vice];
  const total = emails.length;
  // After an update has gone out, or nobody would see that there was a beginning.
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

/** What a server in Latin-1 sends, read as UTF-8 with `surrogateescape`. */
const LATIN_REASON = '5.1.1 Empf\udce4nger ung\udcfcltig';

/** The result as it is where the mail server answered in another encoding. */
export function withSurrogates(result: Result, { surrogate }: Vices): Result {
  const { details, email } = result;
  if (details.sub_status !== 'Rejected Email' || chance(email, 'surrogate') >= surrogate) return result;
  return { ...result, details: { ...details, general: { ...details.general, reason: LATIN_REASON } } };
}
