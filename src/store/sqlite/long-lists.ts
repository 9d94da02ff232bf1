/** Hands an update with a long list to the writing thread in portions, each of which becomes a transaction. */
import { createHash, type Hash } from 'node:crypto';
import { limitConcurrency } from '../../concurrency-limit.js';
import type { BatchId, FileId } from '../../domain/id.js';
import { type Claimant, VALIDATOR } from '../../domain/ownership.js';
import { charsOf, type Result, textLines } from '../../domain/result.js';
import { addTallies, tallyOf } from '../../domain/summary.js';
import type { Update } from '../../domain/update.js';
import { Fault } from '../../errors.js';
import { WorkTime } from '../../portions.js';
import { type FingerprintedList, listBytes, type RecentLists } from '../recent-lists.js';
import { remembered } from '../rewrites.js';
import type { Base, WrittenList } from './batches/long-lists.js';
import type { SavedHere } from './batches/save-update.js';
import { rowsOf, writtenPortions } from './results/results.js';
import type { CallOf } from './thread/client.js';
import type { WriterOperations } from './thread/operations.js';

/** Tries to store an update whose batch is changed by others meanwhile; all but the first write a list of their own. */
const ATTEMPTS = 5;

/** Asks the writing thread. */
type Ask = CallOf<WriterOperations>;

export class LongLists {
  /** Other writes wait for one portion, however many lists are written. */
  readonly #inTurn = limitConcurrency(1, <T>(portion: () => Promise<T>) => portion());

  constructor(private readonly recent: RecentLists) {}

  /** Stores an update as `UpdateStore.save` says. */
  async save(ask: Ask, update: Update, sender: Claimant): Promise<SavedHere> {
    const { results, ...envelope } = update;
    let isNew = false;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const found = await ask('longLists.find', envelope, sender);
      if (found.base !== null) isNew ||= found.isNew;
      const saved =
        found.base !== null
          ? await this.#store(ask, envelope, results, sender, found.base, attempt > 0)
          : (found.saved ?? (await ask('longLists.hold', envelope, await jsonOf(results), sender)));
      if (saved !== null)
        return isNew && saved.outcome === 'unchanged' ? { ...saved, outcome: 'applied' } : saved;
    }
    throw new Fault('unavailable', 'the batch changes while its list is stored', { retryAfterSeconds: 1 });
  }

  /** Applies what is due of a batch, as `UpdateStore.applyDue` says. */
  async applyDue(ask: Ask, fileId: FileId, batchId: BatchId): Promise<boolean> {
    let hasChanged = false;
    for (;;) {
      const due = await ask('dueUpdates.next', fileId, batchId);
      if (due === null) return hasChanged;
      const { results: json, ...rest } = due;
      const { outcome } = await this.save(
        ask,
        { ...due.envelope, results: await resultsOf(json) },
        VALIDATOR,
      );
      hasChanged ||= outcome === 'applied';
      while (await ask('dueUpdates.settle', rest));
    }
  }

  /** Null: the batch has changed meanwhile. */
  async #store(
    ask: Ask,
    envelope: Omit<Update, 'results'>,
    results: readonly Result[],
    sender: Claimant,
    base: Base,
    isOwnList: boolean,
  ): Promise<SavedHere | null> {
    const known = isOwnList || results.length < base.length ? null : await hashed(results, base.length);
    const isExtension = known !== null && (base.length === 0 || digestOf(known) === base.fingerprint);
    const written = await ask('longLists.begin', envelope, base, isExtension, sender);
    if (written === null) return null;
    try {
      const hash = isExtension ? known : createHash('sha1');
      const list = await this.#write(ask, written, results, hash, isExtension);
      if (list === null) return null;
      const saved = await ask('longLists.finish', written, envelope, list, sender);
      if (saved?.outcome === 'applied')
        this.recent.remember(envelope.batchId, listOf(results, hash, list.fingerprint), envelope.isComplete);
      return saved;
    } catch (error) {
      // Else it is deleted when the gateway starts.
      await ask('longLists.drop', written.list).catch(() => undefined);
      throw error;
    }
  }

  /** Null: what was written is gone. */
  async #write(ask: Ask, written: WrittenList, results: readonly Result[], hash: Hash, isExtension: boolean) {
    let tally = tallyOf([]);
    let changed: readonly number[] | null = isExtension ? null : [];
    let end = written.start;
    for (const portion of writtenPortions(results, end)) {
      const differing = await this.#inTurn(() => {
        const lines = textLines(portion);
        hash.update(lines);
        tally = addTallies(tally, tallyOf(portion));
        return ask('longLists.add', written, end, rowsOf(portion, lines), changed !== null);
      });
      if (differing === undefined) return null;
      changed = differing && remembered([...(changed ?? []), ...differing]);
      end += portion.length;
    }
    return { length: results.length, fingerprint: digestOf(hash), tally, changed };
  }
}

/** Between the lines of a long list as JSON: no line has such a character. */
const NEXT_LINE = ',\n';

/** The results as JSON, made with turns for others; each line has some of them. */
async function jsonOf(results: readonly Result[]): Promise<string> {
  const time = new WorkTime();
  const lines: string[] = [];
  for (const portion of writtenPortions(results)) {
    lines.push(JSON.stringify(portion).slice(1, -1));
    if (time.isUp) await time.giveTurn();
  }
  return `[${lines.join(NEXT_LINE)}]`;
}

/** The results of such a text, read with turns for others. */
async function resultsOf(json: string): Promise<Result[]> {
  const time = new WorkTime();
  const results: Result[] = [];
  for (const line of json.slice(1, -1).split(NEXT_LINE)) {
    for (const result of JSON.parse(`[${line}]`) as Result[]) results.push(result);
    if (time.isUp) await time.giveTurn();
  }
  return results;
}

/** The hash of the first results of a list, with turns for others. */
async function hashed(results: readonly Result[], length: number): Promise<Hash> {
  const hash = createHash('sha1');
  const time = new WorkTime();
  for (const portion of writtenPortions(results.slice(0, length))) {
    hash.update(textLines(portion));
    if (time.isUp) await time.giveTurn();
  }
  return hash;
}

const listOf = (results: readonly Result[], hash: Hash, fingerprint: string): FingerprintedList => ({
  results,
  fingerprint,
  hash,
  stored: { length: 0, fingerprint: '' },
  tail: '',
  bytes: listBytes(charsOf(results) + results.length, results.length),
});

const digestOf = (hash: Hash): string => hash.copy().digest('base64');
