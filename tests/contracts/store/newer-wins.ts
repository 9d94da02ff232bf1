import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { BatchStatus, Saved, Store } from '../../../src/store/store.js';
import { effort } from '../../support/effort.js';
import type { Message } from '../../support/updates.js';
import { batchOf, expectConsistent, listsOf, register, type Stores, save } from './harness.js';
import { Listener } from './listener.js';

/** Rule 2 in a few lines: what a batch looks like after the messages so far. */
class BatchModel {
  #begun = false;
  #complete = false;
  #count = 0;
  /** It counts as failed until it gets further than this. */
  #failedAt: number | null = null;
  list: readonly string[] = [];

  save({ isComplete = false, processedCount = 0, failed = false, emails }: Message): Saved['outcome'] {
    const complete = isComplete && !failed;
    const newer = !this.#begun || (complete === this.#complete ? processedCount > this.#count : complete);
    const fails = failed && !this.#complete && this.#failedAt !== Infinity;
    if (newer) {
      this.#complete = complete;
      this.#count = processedCount;
      this.list = emails.map(String);
    }
    if (fails) this.#failedAt = Infinity;
    this.#begun = true;
    return newer || fails ? 'applied' : 'unchanged';
  }

  fail(): void {
    if (!this.#complete && !this.#isFailed) this.#failedAt = this.#count;
  }

  get #isFailed(): boolean {
    return this.#failedAt !== null && this.#count <= this.#failedAt;
  }

  get status(): BatchStatus {
    if (this.#complete) return 'completed';
    if (this.#isFailed) return 'failed';
    return this.#begun ? 'running' : 'waiting';
  }
}

// Few addresses and short lists: prefixes, repeats and holes come up all the time.
const list = fc.oneof(
  fc.nat({ max: 6 }).map((length) => ['a', 'b', 'c', 'd', 'e', 'f'].slice(0, length)),
  fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 6 }),
);
const said = fc.record({
  emails: list,
  isComplete: fc.boolean(),
  processedCount: fc.nat({ max: 6 }),
  failed: fc.oneof({ weight: 8, arbitrary: fc.constant(false) }, fc.constant(true)),
});
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('save' as const), batch: fc.nat(1), said }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), batch: fc.nat(1) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('listen' as const), batch: fc.nat(1) }) },
);

let files = 0;
const nextFile = (): string => `file-${++files}`;

async function listsMatch(store: Store, fileId: string, models: ReadonlyMap<string, BatchModel>) {
  const lists = await listsOf(store, fileId);
  for (const [batchId, model] of models) {
    expect(lists[batchId] ?? []).toEqual(model.list);
    expect((await batchOf(store, fileId, batchId)).status).toBe(model.status);
  }
}

export function newerWins({ shared }: Stores): void {
  it('ends in the same state for every order of the messages, with repeats', async () => {
    const { store } = shared();
    const kinds = fc.uniqueArray(said, {
      // Of two messages of one kind and count, neither is newer: the order would decide.
      selector: ({ isComplete, failed, processedCount }) => `${isComplete && !failed} ${processedCount}`,
      minLength: 1,
      maxLength: 6,
    });
    const shuffled = kinds.chain((messages) =>
      fc.record({
        messages: fc.constant(messages),
        order: fc.array(fc.nat({ max: messages.length - 1 }), { maxLength: 8 }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(shuffled, async ({ messages, order }) => {
        const fileId = nextFile();
        const batchId = `b of ${fileId}`;
        await register(store, { fileId, batches: [batchId] });
        const sent = [...order.flatMap((at) => messages[at] ?? []), ...messages];
        for (const one of sent) await save(store, { batchId, ...one });
        const rank = ({ isComplete, failed, processedCount }: (typeof messages)[number]) =>
          processedCount + (isComplete && !failed ? 100 : 0);
        const newest = messages.reduce((best, one) => (rank(one) > rank(best) ? one : best));
        expect((await listsOf(store, fileId))[batchId] ?? []).toEqual(newest.emails);
        await expectConsistent(store, fileId);
      }),
      { numRuns: effort(3, 40) },
    );
  });

  it('follows the rule step by step, and a listener that reads now and then misses nothing', async () => {
    const { store } = shared();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const fileId = nextFile();
        const batchIds = [`b0 of ${fileId}`, `b1 of ${fileId}`] as const;
        const models = new Map(batchIds.map((id) => [id as string, new BatchModel()]));
        const listener = new Listener(store, fileId);
        const late = new Listener(store, fileId);
        await register(store, { fileId, batches: [...batchIds] });
        for (const one of steps) {
          const batchId = batchIds[one.batch === 0 ? 0 : 1];
          const model = models.get(batchId) as BatchModel;
          if (one.do === 'listen') await listener.catchUp([batchId]);
          else if (one.do === 'fail') {
            model.fail();
            expect(await store.updates.fail(fileId, batchId, 'gave up')).toBe(true);
          } else {
            const outcome = model.save({ batchId, ...one.said });
            expect(await save(store, { batchId, ...one.said })).toEqual({ outcome, fileId });
          }
        }
        await listsMatch(store, fileId, models);
        await expectConsistent(store, fileId);
        for (const copy of [listener, late]) {
          await copy.catchUp(batchIds);
          for (const [batchId, { list }] of models) {
            expect(copy.list(batchId).map((json) => JSON.parse(json).email)).toEqual(list);
          }
          expect(await copy.catchUp(batchIds)).toEqual([]);
        }
      }),
      { numRuns: effort(4, 60) },
    );
  });

  it('answers every repeat with "unchanged" and changes nothing by it', async () => {
    const { store, f1, b1 } = shared();
    await register(store, { fileId: f1, batches: [b1] });
    const first = { batchId: b1, emails: ['x', 'y'] };
    await save(store, first);
    const before = await store.changes.since(f1, new Map());
    const state = await batchOf(store, f1, b1);
    for (let i = 0; i < 5; i++) expect((await save(store, first)).outcome).toBe('unchanged');
    expect((await batchOf(store, f1, b1)).version).toBe(state.version);
    expect((await store.changes.since(f1, new Map()))?.changes).toBe(before?.changes);
  });

  it('takes one of many equal messages that come at once', async () => {
    const { store, f1, b1 } = shared();
    await register(store, { fileId: f1, batches: [b1] });
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, () => save(store, { batchId: b1, emails: ['x', 'y'] })),
    );
    expect(outcomes.filter(({ outcome }) => outcome === 'applied')).toHaveLength(1);
    expect(await listsOf(store, f1)).toEqual({ [b1]: ['x', 'y'] });
  });

  it('lets a complete list with fewer results take the place of a longer incomplete one, not the other way', async () => {
    const { store, f1, b1 } = shared();
    await register(store, { fileId: f1, batches: [b1] });
    await save(store, { batchId: b1, emails: ['a', 'b', 'c', 'd'], totalEmails: 4 });
    const whole = { batchId: b1, emails: ['a', 'b', 'd'], isComplete: true, totalEmails: 4 };
    expect((await save(store, whole)).outcome).toBe('applied');
    expect((await save(store, { batchId: b1, emails: ['a', 'b', 'c', 'd'], totalEmails: 4 })).outcome).toBe(
      'unchanged',
    );
    expect(await listsOf(store, f1)).toEqual({ [b1]: ['a', 'b', 'd'] });
    const { summary, status } = await batchOf(store, f1, b1);
    expect({ status, ...summary }).toMatchObject({ status: 'completed', processed: 3, skipped: 1, total: 4 });
  });
}
