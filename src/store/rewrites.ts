/** Whether an update extends a batch's list or replaces it, and which places of the list are to be announced then. */
import { fingerprints, type Result } from '../domain/result.js';
import type { BatchVersion } from '../domain/summary.js';
import type { FingerprintedList } from './recent-lists.js';

/**
 * A batch remembers when its list was replaced instead of extended. From that, and from the length and version that were
 * announced, follows which positions are to be announced now: no result needs a version of its own.
 */
interface Rewrite {
  /** Version of the batch that the rewrite made. */
  readonly version: number;
  readonly lengthBefore: number;
  readonly lengthAfter: number;
  /** Positions below the old and the new length that differ; null: forgotten, so all of them. */
  readonly changed: readonly number[] | null;
}

const REMEMBERED = 4;
const MAX_CHANGED = 2_000;

/** A list as its batch remembers it. */
export interface StoredList {
  readonly length: number;
  readonly fingerprint: string;
  /** JSON of its `Rewrite`s. */
  readonly rewrites: string;
}

/** Whether a list only adds to the stored one, and its fingerprint. `measured`: what is known of the list already. */
export function compareLists(
  stored: StoredList,
  results: readonly Result[],
  measured?: FingerprintedList,
): { readonly isExtension: boolean; readonly fingerprint: string } {
  const { prefix, whole } =
    measured?.stored.length === stored.length
      ? { prefix: measured.stored.fingerprint, whole: measured.fingerprint }
      : fingerprints(results, stored.length);
  const isExtension =
    stored.length === 0 || (results.length >= stored.length && prefix === stored.fingerprint);
  return { isExtension, fingerprint: whole };
}

/** The `rewrites` of a batch after its list was replaced. `version`: of the batch afterwards; the lists are results as JSON. */
export const rewritesAfter = (
  stored: StoredList,
  version: number,
  before: readonly string[],
  after: readonly string[],
): string => rewritesWith(stored, version, after.length, changedBetween(before, after));

/** The same where it is known which positions differ; null: too many, or unknown. */
export function rewritesWith(
  stored: Pick<StoredList, 'length' | 'rewrites'>,
  version: number,
  lengthAfter: number,
  changed: readonly number[] | null,
): string {
  const rewrite = { version, lengthBefore: stored.length, lengthAfter, changed };
  return JSON.stringify(rememberRewrite(JSON.parse(stored.rewrites) as Rewrite[], rewrite));
}

/** Positions that two lists, of results as JSON, both have and that differ. `from`: what the first of both is counted as. */
export const changedBetween = (before: readonly string[], after: readonly string[], from = 0): number[] =>
  after.flatMap((json, index) => (index < before.length && json !== before[index] ? [from + index] : []));

/** Null where they are more than a batch remembers. */
export const remembered = (changed: readonly number[] | null): readonly number[] | null =>
  changed === null || changed.length > MAX_CHANGED ? null : changed;

/** The oldest are merged into one that says "everything". */
function rememberRewrite(rewrites: readonly Rewrite[], rewrite: Rewrite): Rewrite[] {
  const all = [...rewrites, { ...rewrite, changed: remembered(rewrite.changed) }];
  if (all.length <= REMEMBERED) return all;
  const [first, second, ...rest] = all;
  if (first === undefined || second === undefined) return rest;
  const lengthBefore = Math.max(first.lengthBefore, second.lengthBefore);
  return [{ version: second.version, lengthBefore, lengthAfter: 0, changed: null }, ...rest];
}

interface Difference {
  /** The positions, in order, that are new or changed. */
  readonly positions: readonly number[];
  /**
   * The list is shorter than it was. The longer one may never have been announced, but a reader may have had it in a page
   * and must hear of it.
   */
  readonly isShorter: boolean;
}

/** What has changed in a list since its batch was as `announced`. */
export function differenceSince(
  { length, rewrites }: Pick<StoredList, 'length' | 'rewrites'>,
  announced: BatchVersion,
): Difference {
  let known = announced.summary.processed;
  let longest = known;
  const changed = new Set<number>();
  for (const rewrite of JSON.parse(rewrites) as Rewrite[]) {
    if (rewrite.version <= announced.version) continue;
    longest = Math.max(longest, rewrite.lengthBefore);
    known = rewrite.changed === null ? 0 : Math.min(known, rewrite.lengthAfter);
    for (const position of rewrite.changed ?? []) changed.add(position);
  }
  known = Math.min(known, length);
  const positions = [...changed].filter((position) => position < known).sort((a, b) => a - b);
  for (let position = known; position < length; position++) positions.push(position);
  return { positions, isShorter: longest > length };
}
