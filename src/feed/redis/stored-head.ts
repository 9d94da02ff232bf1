/** How a head is written to Redis, and read from it. Others write to Redis as well: what no gateway has written is none. */
import type { BatchId, Epoch } from '../../domain/id.js';
import type { BatchVersion, Summary } from '../../domain/summary.js';
import type { FileState, Head } from '../feed.js';
import { batchField } from './scripts.js';

type Field = string | null | undefined;

interface StoredHead {
  readonly epoch: Epoch;
  readonly revision: Field;
  readonly emails: Field;
  readonly state: Field;
  readonly stats: Field;
  /** In the order of the ids; null: nothing of that batch was announced. */
  readonly batches: readonly Field[];
}

export const stateFields = ({ stats, ...state }: FileState): string[] => [
  'state',
  JSON.stringify(state),
  'stats',
  stats,
];

export function batchFields(batches: Iterable<readonly [BatchId, BatchVersion]>): string[] {
  // Of many new batches most share a summary.
  const summaries = new Map<Summary, string>();
  const textOf = ({ version, summary }: BatchVersion): string => {
    const text = summaries.get(summary) ?? JSON.stringify(summary);
    summaries.set(summary, text);
    return `{"version":${version},"summary":${text}}`;
  };
  return [...batches].flatMap(([batchId, batch]) => [batchField(batchId), textOf(batch)]);
}

/** Those of gateways have 12 characters. A listener's cursor of more than this is refused, so it could not come back. */
const MAX_EPOCH = 128;

/** Null: the head is unreadable. Nothing could be appended to it, and a gateway would try again without end. */
export function headFrom(stored: StoredHead, batchIds: readonly BatchId[]): Head | null {
  const revision = numberOf(stored.revision);
  const emailsRevision = numberOf(stored.emails);
  const state = objectOf<Omit<FileState, 'stats'>>(stored.state, ['generation', 'totals', 'pace', 'changes']);
  if (revision === null || emailsRevision === null || state === null) return null;
  if (!isObject(state.totals) || stored.epoch.length > MAX_EPOCH) return null;
  const batches = new Map<BatchId, BatchVersion>();
  for (const [index, batchId] of batchIds.entries()) {
    const text = stored.batches[index];
    if (!text) continue;
    const batch = objectOf<BatchVersion>(text, ['version', 'summary']);
    if (batch === null || !isObject(batch.summary)) return null;
    batches.set(batchId, batch);
  }
  return {
    epoch: stored.epoch,
    revision,
    emailsRevision,
    state: { ...state, stats: stored.stats ?? '' },
    batches,
  };
}

/** The scripts compare revisions as texts, so only the text that a number is written as is one. */
function numberOf(text: Field): number | null {
  const number = Number(text);
  return Number.isSafeInteger(number) && number >= 0 && String(number) === text ? number : null;
}

function objectOf<T>(text: Field, keys: readonly string[]): T | null {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return isObject(value) && keys.every((key) => Object.hasOwn(value, key)) ? (value as T) : null;
  } catch {
    return null;
  }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** In the texts of errors, as every version of Redis has them: another type, or no number where a script counts. */
const UNREADABLE =
  /WRONGTYPE|attempt to|The ID specified|exhausted the last possible ID|not an integer|invalid stream id/i;

/** Whether a fault comes from what the keys hold, and not from the state of the server. */
export const isUnreadable = (fault: unknown): boolean =>
  fault instanceof Error && fault.cause instanceof Error && UNREADABLE.test(fault.cause.message);
