/** The parts of the store on the main thread that do more than hand a call to the thread that answers it. */
import { limitConcurrency } from '../../concurrency-limit.js';
import type { BatchId, FileId } from '../../domain/id.js';
import { countsOf } from '../../domain/overview.js';
import { type Claimant, VALIDATOR } from '../../domain/ownership.js';
import type { Result } from '../../domain/result.js';
import { add, EMPTY_SUMMARY, type Summary, tallyOf } from '../../domain/summary.js';
import type { Update } from '../../domain/update.js';
import { portions } from '../../portions.js';
import { SharedCalls } from '../../shared-calls.js';
import { settledWithin } from '../../waiting.js';
import type { DeadLetterRecords } from '../dead-letter-records.js';
import type { DeadLetterStore } from '../dead-letters.js';
import { readChunks } from '../list-chunks.js';
import type { ListStore } from '../lists.js';
import { pickResults, type RecentLists } from '../recent-lists.js';
import { batchesAfter, type CurrentRequest, distinct, foreignBatches } from '../registration-rules.js';
import { scanSlices } from '../scan.js';
import {
  type BatchState,
  type ChangeStore,
  type FileStore,
  REGISTERED_AT_ONCE,
  type RegisteredBatch,
  type ResultStore,
  type UpdateStore,
} from '../store.js';
import { stateOf } from '../webhook-events.js';
import { type GivenUp, REMOVED_WITHIN_MS, type WebhookStore } from '../webhooks.js';
import { BYTES_AT_ONCE } from './batches/held-updates.js';
import type { SavedHere } from './batches/save-update.js';
import type { KnownBatch } from './changes.js';
import { deliveryReads, deliveryWrites } from './deliveries.js';
import { type BatchSlice, fileReads } from './files.js';
import { listReads, listWrites } from './lists.js';
import { LongLists } from './long-lists.js';
import type { FinishedFile, SomeBatches } from './purging.js';
import { areMany, rowsOf } from './results/results.js';
import type { CallOf, ThreadClient } from './thread/client.js';
import type { ReaderOperations, WriterOperations } from './thread/operations.js';
import { webhookReads, webhookWrites } from './webhooks.js';

export type WritingThread = ThreadClient<WriterOperations>;
export type ReadingThread = ThreadClient<ReaderOperations>;
/** Asks the writing thread. */
type Ask = CallOf<WriterOperations>;

export const fileStore = (writer: WritingThread, reader: ReadingThread, recent: RecentLists): FileStore => {
  /** Read some batches at a time, beside the writes. */
  const totalsOf = async ({ generation }: FinishedFile): Promise<Summary> => {
    let totals = EMPTY_SUMMARY;
    for (let from: number | null = 0; from !== null; ) {
      const some: SomeBatches = await reader.call('files.sumOfBatches', generation, from);
      totals = add(totals, some.sum);
      from = some.next;
    }
    return totals;
  };
  return {
    ...reader.part('files', fileReads),
    async batches<T = BatchState>(fileId: FileId, keep = (batch: BatchState) => batch as T): Promise<T[]> {
      let kept: T[] = [];
      for (let last: BatchSlice | null = null; ; ) {
        const slice: BatchSlice | null = await reader.call(
          'files.batchSlice',
          fileId,
          last && { generation: last.generation, end: last.end },
        );
        if (slice === null) return [];
        // Those read before are of a request that was replaced meanwhile.
        if (last !== null && last.generation !== slice.generation) kept = [];
        kept.push(...slice.states.map(keep));
        if (slice.end === null) return kept;
        last = slice;
      }
    },
    find: (fileId) => writer.call('files.find', fileId),
    async remove(fileId, claimant = VALIDATOR) {
      const { existed, isClean } = await writer.call('files.end', fileId, claimant);
      recent.forgetAll();
      if (!isClean) await writer.call('database.awaitCleanUp', { fileId });
      return existed;
    },
    async purge(before) {
      const purged: FileId[] = [];
      for (const file of await writer.call('files.finished', before)) {
        const fileId = await writer.call('files.purge', file, await totalsOf(file));
        if (fileId !== null) purged.push(fileId);
      }
      if (purged.length > 0) recent.forgetAll();
      return purged;
    },
  };
};

/** What each batch with held updates counts for beside their bytes. */
const HELD_UPDATE_BYTES = 16 * 2 ** 10;

/** Slices of batches. `held`: those with held updates, and how many bytes these have. */
function slicesOf(
  batches: readonly RegisteredBatch[],
  held: readonly { readonly batchId: BatchId; readonly bytes: number }[],
): RegisteredBatch[][] {
  const costs = new Map(held.map(({ batchId, bytes }) => [batchId, bytes + HELD_UPDATE_BYTES]));
  const slices: RegisteredBatch[][] = [];
  let room = 0;
  for (const batch of batches) {
    const cost = costs.get(batch.batchId) ?? 0;
    if (slices.length === 0 || cost > room) {
      slices.push([]);
      room = BYTES_AT_ONCE;
    }
    room -= cost;
    slices.at(-1)?.push(batch);
  }
  return slices;
}

export const updateStore = (
  writer: WritingThread,
  reader: ReadingThread,
  recent: RecentLists,
): UpdateStore => {
  const drops = new SharedCalls<'held', void>();
  /** Drops what is held for too long or is too much, once for all who wait for it. */
  const dropHeld = () => drops.run('held', () => untilNone(() => writer.call('updates.dropSomeHeld')));
  const longLists = new LongLists(recent);
  /** Of batches with as many lists that are to be deleted as they may have: until one of them is. */
  const deletions = new Map<BatchId, Promise<unknown>>();
  const awaitDeletion = (batchId: BatchId) =>
    writer
      .call('database.awaitCleanUp', { batchId })
      // The update is stored. A deletion that has failed goes on later.
      .catch(() => undefined)
      .finally(() => deletions.delete(batchId));
  /**
   * Usually the update extends what is stored, and only its tail has to cross to the writing thread. `added`: its results behind
   * those that are known to be stored.
   */
  const saveAtOnce = async (
    ask: Ask,
    update: Update,
    added: readonly Result[],
    sender: Claimant,
  ): Promise<SavedHere> => {
    const { batchId, results, ...envelope } = update;
    const list = recent.fingerprint(batchId, results, results.length - added.length);
    const { stored, fingerprint, tail } = list;
    const rows = rowsOf(added, tail);
    const short = { ...envelope, batchId, stored, fingerprint, rows, tally: tallyOf(added) };
    const asTail = await ask('updates.saveTail', short, sender);
    if (asTail === null && areMany(results)) return longLists.save(ask, update, sender);
    const saved = asTail ?? (await ask('updates.save', update, sender));
    if (saved.outcome === 'applied') recent.remember(batchId, list, update.isComplete);
    return saved;
  };
  return {
    fileOfBatch: (batchId) => writer.call('updates.fileOfBatch', batchId),
    async register(registration, claimant) {
      const registered = await writer.call('updates.register', registration, claimant);
      if (registered.outcome === 'replaced') recent.forgetAll();
      return registered;
    },
    applyDue: limitConcurrency(1, (fileId: FileId, batchId: BatchId) =>
      writer.inSteps((ask) => longLists.applyDue(ask, fileId, batchId)),
    ),
    due: () => writer.call('dueUpdates.all'),
    async checkRegistration(registration, claimant) {
      const { batches } = registration;
      const foreign = new Set<BatchId>();
      let current: CurrentRequest | null | undefined;
      let known = 0;
      for (const portion of portions(distinct(batches), REGISTERED_AT_ONCE)) {
        const some = { ...registration, batches: portion };
        const checked = await writer.call('updates.checkBatches', some, claimant);
        for (const batchId of checked.foreign) foreign.add(batchId);
        // As it was before: what the same call registers meanwhile, made twice, is known then, and counted once.
        if (current === undefined) current = checked.current;
        known += checked.known;
      }
      if (foreign.size > 0) throw foreignBatches(batches, foreign);
      return batchesAfter(registration, current ?? null, known);
    },
    async registrationSlices(batches) {
      const slices: RegisteredBatch[][] = [];
      for (const portion of portions(batches, REGISTERED_AT_ONCE)) {
        const batchIds = portion.map(({ batchId }) => batchId);
        slices.push(...slicesOf(portion, await writer.call('updates.heldBytes', batchIds)));
      }
      return slices;
    },
    async save(update, sender) {
      const { batchId, results } = update;
      // A batch that is rewritten again and again keeps its own sender waiting, and fills no disk.
      const deletion = deletions.get(batchId);
      if (deletion !== undefined) await deletion;
      // A usual update goes to the writing thread before any call that comes after it.
      const added = results.slice(recent.lengthKnown(batchId, results));
      const { isCrowded = false, ...saved } = await writer.inSteps((ask) =>
        areMany(added) ? longLists.save(ask, update, sender) : saveAtOnce(ask, update, added, sender),
      );
      if (saved.outcome === 'held') await dropHeld();
      if (isCrowded) deletions.set(batchId, awaitDeletion(batchId));
      return saved;
    },
    fail: (fileId, batchId, reason, claimant = VALIDATOR) =>
      writer.call('updates.fail', fileId, batchId, reason, claimant),
    markStalled: (silence) => writer.call('updates.markStalled', silence),
    incompleteBatches: (query) => reader.call('updates.incompleteBatches', query),
    heldCounts: () => writer.call('updates.heldCounts'),
    dropExpired: dropHeld,
  };
};

/** Repeats a step, which changes some rows and answers with their number. Other writes have their turns in between. */
async function untilNone(step: () => Promise<number>): Promise<void> {
  while ((await step()) > 0);
}

export const changeStore = (writer: WritingThread, recent: RecentLists): ChangeStore => ({
  async since(fileId, announced) {
    // For lists that are remembered here, the writing thread answers with positions instead of results.
    const lists = new Map([...announced.keys()].map((batchId) => [batchId, recent.get(batchId)]));
    const known = [...announced].map(([batchId, batch]): [string, KnownBatch] => [
      batchId,
      { ...batch, fingerprint: lists.get(batchId)?.fingerprint },
    ]);
    const found = await writer.call('changes.since', fileId, new Map(known));
    if (found === null) return null;
    const batches = found.batches.map(({ positions, ...changes }) =>
      positions === null
        ? changes
        : { ...changes, results: pickResults(changes.batchId, lists.get(changes.batchId), positions) },
    );
    return { ...found, batches };
  },
  markAnnounced(_fileId, generation, { changes }, stats) {
    const { completedAt } = stats.parsed();
    const finishedAt = completedAt === null ? null : Date.parse(completedAt);
    const { lastUpdated } = stats.parsed();
    const counted = { counts: countsOf(stats.parsed()), at: Date.parse(lastUpdated ?? '') || 0 };
    const announced = { state: stateOf(stats.parsed()), json: stats.json, counted, finishedAt };
    return writer.call('changes.markAnnounced', generation, changes, announced);
  },
  unannounced: () => writer.call('changes.unannounced'),
  pending: (fileId) => writer.call('changes.pending', fileId),
});

/** `searcher`: the thread that reads for searches alone, each of which may look at all keys of a file. */
export const resultStore = (reader: ReadingThread, searcher: () => Promise<ReadingThread>): ResultStore => ({
  page: async (query) => (query.email === undefined ? reader : await searcher()).call('results.page', query),
  scan: (fileId, filter) =>
    scanSlices(
      () => reader.call('results.scanStart', fileId),
      (point) => reader.call('results.scanSlice', point, filter),
    ),
});

export const listStore = (writer: WritingThread, reader: ReadingThread): ListStore => ({
  ...writer.part('lists', listWrites),
  ...reader.part('lists', listReads),
  read: (listId, from = 0) =>
    readChunks(
      () => reader.call('lists.size', listId),
      (index) => reader.call('lists.chunk', listId, index),
      from,
    ),
  async remove(listId) {
    const existed = await writer.call('lists.end', listId);
    if (existed) await writer.call('database.awaitCleanUp', { listId });
    return existed;
  },
});

export function deadLetterStore(
  writer: WritingThread,
  reader: ReadingThread,
  records: DeadLetterRecords,
): DeadLetterStore {
  return {
    add: (letter) => writer.call('deadLetters.add', records.of(letter), records.expiry()),
    list: (query) => reader.call('deadLetters.list', { ...query, expiry: records.expiry() }),
    find: async (id) => (records.hasExpired(id) ? null : reader.call('deadLetters.find', id)),
    async discard(id) {
      if (records.hasExpired(id) || !(await writer.call('deadLetters.discard', id))) return false;
      await writer.call('database.awaitCleanUp', null);
      return true;
    },
    async dropExpired() {
      const expiry = records.expiry();
      if ((await writer.call('deadLetters.dropExpired', expiry)) === 0) return;
      await untilNone(() => writer.call('deadLetters.dropExpired', expiry));
      await writer.call('database.awaitCleanUp', null);
    },
  };
}

const dropDeliveriesOf = (writer: WritingThread, webhookId: string) =>
  untilNone(() => writer.call('webhooks.dropSome', webhookId));

export const webhookStore = (writer: WritingThread, reader: ReadingThread): WebhookStore => ({
  ...writer.part('webhooks', { ...webhookWrites, ...deliveryWrites }),
  ...reader.part('webhooks', { ...webhookReads, ...deliveryReads }),
  async report(deliveryId, result) {
    await writer.call('webhooks.report', deliveryId, result);
    if (result.outcome === 'gone') await untilNone(() => writer.call('webhooks.endSome', deliveryId));
  },
  async remove(webhookId) {
    const existed = await writer.call('webhooks.remove', webhookId);
    // What is left where this fails goes with the next call of `dropSettled`.
    await settledWithin(REMOVED_WITHIN_MS, dropDeliveriesOf(writer, webhookId));
    return existed;
  },
  async dropSettled(before) {
    await untilNone(() => writer.call('webhooks.dropSettled', before));
    for (const webhookId of await reader.call('webhooks.removed')) await dropDeliveriesOf(writer, webhookId);
  },
  keepWithin: (max) => keepDeliveriesWithin(writer, reader, max),
});

/** Deliveries that change in one go. */
const DELIVERIES_AT_ONCE = 1_000;

/** As `WebhookStore.keepWithin` says. */
async function keepDeliveriesWithin(
  writer: WritingThread,
  reader: ReadingThread,
  max: number,
): Promise<GivenUp[]> {
  const givenUp: GivenUp[] = [];
  for (const { webhookId, pending, ended } of await reader.call('webhooks.crowded', max)) {
    const inTurns = async (operation: 'webhooks.giveUpOldest' | 'webhooks.dropOldest', count: number) => {
      let done = 0;
      while (done < count) {
        const changed = await writer.call(operation, webhookId, Math.min(DELIVERIES_AT_ONCE, count - done));
        if (changed === 0) break;
        done += changed;
      }
      return done;
    };
    const deliveries = await inTurns('webhooks.giveUpOldest', pending);
    if (deliveries > 0) givenUp.push({ webhookId, deliveries });
    await inTurns('webhooks.dropOldest', ended);
  }
  return givenUp;
}
