import { expect } from '@jest/globals';
import { JsonText } from '../../../src/domain/json-text.js';
import { type Claimant, VALIDATOR } from '../../../src/domain/ownership.js';
import { type PlacedResult, type Result, readResult } from '../../../src/domain/result.js';
import { type Stats, statsOf } from '../../../src/domain/stats.js';
import { add, EMPTY_SUMMARY, type Summary, summarize } from '../../../src/domain/summary.js';
import type {
  BatchState,
  PageQuery,
  Registered,
  Registration,
  ResultFilter,
  ResultPage,
  Store,
} from '../../../src/store/store.js';
import { OPERATOR } from '../../support/operator.js';
import { emailsOf, type Message, update } from '../../support/updates.js';

/** Bounds of held updates and dead letters; generous where a test does not depend on them. */
export interface Limits {
  readonly heldTtlMs: number;
  readonly maxHeldBytes: number;
  readonly deadLetterTtlMs: number;
  readonly maxDeadLetterBytes: number;
}

/** An empty store, and how to dispose of it. */
export interface Opened {
  readonly store: Store;
  dispose(): Promise<void> | void;
}

export type OpenStore = (limits: Limits) => Promise<Opened>;

/** Where the tests of a suite get their stores from. */
export interface Stores {
  /** The store that most tests share, with ids that no other test has. */
  shared(): Given;
  /** A store for one test, which reads everything in it or closes it. */
  own(limits?: Partial<Limits>): Promise<Given>;
}

export type Given = { readonly store: Store } & ReturnType<typeof names>;

let lastTest = 0;

/** Ids of files (`f…`) and batches (`b…`, `c…`) that no other test has. */
export function names() {
  const test = ++lastTest;
  const name = (of: string) => `${of} of test ${test}`;
  return {
    f1: name('f1'),
    f2: name('f2'),
    b0: name('b0'),
    b1: name('b1'),
    b2: name('b2'),
    b3: name('b3'),
    b9: name('b9'),
    c1: name('c1'),
  };
}

export type Request = Partial<Omit<Registration, 'batches'>> & {
  readonly fileId: string;
  readonly batches?: readonly (string | Registration['batches'][number])[];
};

export const registration = ({ batches = [], ...said }: Request): Registration => ({
  requestId: 'r1',
  userId: null,
  totalEmails: null,
  totalBatches: null,
  ...said,
  batches: batches.map((batch) =>
    typeof batch === 'string' ? { batchId: batch, totalEmails: null } : batch,
  ),
});

/** Registers, and applies what is due then, as the pipeline does. */
export async function register(
  { updates }: Pick<Store, 'updates'>,
  said: Request,
  claimant: Claimant = OPERATOR,
): Promise<Registered> {
  const registered = await updates.register(registration(said), claimant);
  for (const batchId of registered.due ?? []) await updates.applyDue(said.fileId, batchId);
  return registered;
}

/** A page; empty where there is no such file. */
export const pageOf = async (store: Store, query: PageQuery): Promise<ResultPage> =>
  (await store.results.page(query)) ?? { total: 0, results: [], isCut: false };

/** Stats to be kept as this text. */
export const keptStats = (json: string, completedAt: string | null = null): JsonText<Stats> => {
  const cursor = { epoch: json, revision: 1 };
  const stats = statsOf({ fileId: '', facts: null, totals: EMPTY_SUMMARY, cursor, recentRate: 0 });
  return new JsonText(json, { ...stats, completedAt });
};

export const save = (store: Store, said: Message, sender: Claimant = VALIDATOR) =>
  store.updates.save(update(said), sender);

/** Registers the batches and saves a complete list for each. */
export async function fill(
  store: Store,
  fileId: string,
  lists: ReadonlyMap<string, Message['emails']>,
  requestId = 'r1',
): Promise<void> {
  await register(store, { fileId, requestId, batches: [...lists.keys()] });
  await Promise.all(
    [...lists].map(([batchId, emails]) => save(store, { batchId, emails, isComplete: true })),
  );
}

/** Announces what there is, as the gateway does. */
export async function announce(store: Store, fileId: string): Promise<ReturnType<typeof statsOf>> {
  const news = await store.changes.since(fileId, new Map());
  if (news === null) throw new Error('there is no such file');
  const { facts, changes } = news;
  const batches = await store.files.batches(fileId);
  const totals = facts.purged ?? batches.reduce((sum, { summary }) => add(sum, summary), EMPTY_SUMMARY);
  const cursor = { epoch: 'e', revision: changes };
  const stats = statsOf({ fileId, facts, totals, cursor, recentRate: 0 });
  const versions = new Map(batches.map(({ batchId, version }) => [batchId, version]));
  await store.changes.markAnnounced(
    fileId,
    facts.generation,
    { changes, batches: versions },
    JsonText.of(stats),
  );
  return stats;
}

/** Everything that a file has, as a scan reads it. */
export async function scanned(
  store: Store,
  fileId: string,
  filter: ResultFilter = {},
): Promise<PlacedResult[]> {
  const results: PlacedResult[] = [];
  for await (const slice of store.results.scan(fileId, filter)) results.push(...slice);
  return results;
}

/** The addresses of each batch that has any, in order. */
export async function listsOf(store: Store, fileId: string): Promise<Record<string, string[]>> {
  const byBatch = new Map<string, PlacedResult[]>();
  for (const result of await scanned(store, fileId)) {
    const list = byBatch.get(result.batchId);
    if (list === undefined) byBatch.set(result.batchId, [result]);
    else list.push(result);
  }
  for (const list of byBatch.values())
    expect(list.map(({ position }) => position)).toEqual(list.map((_, index) => index));
  return Object.fromEntries([...byBatch].map(([batchId, results]) => [batchId, emailsOf(results)]));
}

export async function batchOf(store: Store, fileId: string, batchId: string): Promise<BatchState> {
  const batch = (await store.files.batches(fileId)).find((state) => state.batchId === batchId);
  if (batch === undefined) throw new Error(`the file has no batch ${batchId}`);
  return batch;
}

/** The result that a stored JSON text describes. */
export function reread({ json }: Pick<PlacedResult, 'json'>): Result {
  const result = readResult(JSON.parse(json));
  if (typeof result === 'string') throw new Error(`a stored result cannot be read: ${result}`);
  return result;
}

const COMPLETE = { begun: true, isComplete: true, isFailed: false, isStalled: false, totalEmails: 0 };

/** Summaries agree with the results, a page has what a scan has, and no position is there twice. */
export async function expectConsistent(store: Store, fileId: string): Promise<void> {
  const results = await scanned(store, fileId);
  const counted = summarize(COMPLETE, results.map(reread));
  const batches = await store.files.batches(fileId);
  const totals = batches.reduce<Summary>((sum, { summary }) => add(sum, summary), EMPTY_SUMMARY);
  expect(totals.batches).toBe(batches.length);
  expect(totals.processed).toBe(results.length);
  expect(totals.cells).toEqual(counted.cells);
  expect(totals.facets).toEqual(counted.facets);
  const places = results.map(({ batchId, position }) => `${position} of ${batchId}`);
  expect(new Set(places).size).toBe(places.length);
  const page = await pageOf(store, { fileId, page: 1, limit: Math.max(1, results.length) });
  expect(page).toEqual({ total: results.length, results, isCut: false });
}
