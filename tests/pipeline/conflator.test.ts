import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Claimant, VALIDATOR } from '../../src/domain/ownership.js';
import { isNewer, type Update } from '../../src/domain/update.js';
import { createMetrics } from '../../src/metrics.js';
import { Conflator } from '../../src/pipeline/conflator.js';
import type { Saved } from '../../src/store/store.js';
import { addresses, type Message, update } from '../support/updates.js';

type Outcome = Saved['outcome'];

interface Storing {
  readonly update: Update;
  finish(outcome: Outcome): void;
  fail(error: Error): void;
}

/** Lets go on whatever waits for no more than its turn. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await null;
}

/** How an update was refused; null: it was not. */
async function refusal(taken: Promise<unknown>): Promise<unknown> {
  let reason: unknown = null;
  taken.catch((error: unknown) => {
    reason = error;
  });
  await turns();
  return reason;
}

/** A conflator over a store whose answers the test gives. */
function stage(maxBytes = 1_000) {
  const stored: Storing[] = [];
  const metrics = createMetrics();
  const store = (update: Update) =>
    new Promise<Outcome>((finish, fail) => stored.push({ update, finish, fail }));
  const conflator = new Conflator(store, maxBytes, metrics);
  /** Takes in an update with `count` results, or the one that is given. */
  const take = async (
    content: Partial<Message> & { count?: number },
    bytes = 10,
    sender: Claimant = VALIDATOR,
  ) => {
    const { count = 0, ...more } = content;
    return conflator.take(update({ batchId: 'b1', emails: addresses(count), ...more }), bytes, sender);
  };
  const counts = () => stored.map(({ update }) => update.results.length);
  const next = async (number: number): Promise<Storing> => {
    await turns();
    const storing = stored[number - 1];
    if (storing === undefined) throw new Error(`nothing is stored for the ${number}th time`);
    return storing;
  };
  return { conflator, metrics, stored, take, counts, next };
}

describe('the conflator', () => {
  it('stores one update of a batch at a time, then the newest that came meanwhile, and answers every caller', async () => {
    const { metrics, take, counts, next } = stage();
    const first = take({ count: 1 });
    const others = [4, 2, 6, 3, 5].map((count) => take({ count }));
    expect(counts()).toEqual([1]);
    (await next(1)).finish('applied');
    expect(await first).toBe('applied');
    (await next(2)).finish('held');
    expect(await Promise.all(others)).toEqual(Array(5).fill('held'));
    expect(counts()).toEqual([1, 6]);
    expect((await metrics.conflated.get()).values[0]?.value).toBe(4);
  });

  it('lets batches pass each other, and what names another file or request as well', async () => {
    const { take, stored } = stage();
    const messages = [
      {},
      { batchId: 'b2' },
      { fileId: 'f1' },
      { fileId: 'f2' },
      { requestId: 'f1' },
      { fileId: 'f1', requestId: 'r1' },
    ];
    const taken = messages.map((content) => take(content));
    expect(stored).toHaveLength(messages.length);
    for (const { finish } of stored) finish('applied');
    await Promise.all(taken);
  });

  it('never takes the update of one sender for that of another', async () => {
    const { take, stored } = stage();
    const senders: Claimant[] = [
      VALIDATOR,
      { userId: 'jane', files: [], isAdmin: false },
      { userId: 'joe', files: [], isAdmin: false },
      { userId: 'joe', files: ['f1'], isAdmin: false },
    ];
    const taken = senders.map((sender) => take({ count: 1 }, 10, sender));
    expect(stored).toHaveLength(senders.length);
    for (const { finish } of stored) finish('applied');
    await Promise.all(taken);
  });

  it('prefers a complete list to a longer one', async () => {
    const { take, counts, next } = stage();
    const taken = [take({ count: 1 }), take({ count: 5, isComplete: true }), take({ count: 9 })];
    (await next(1)).finish('applied');
    (await next(2)).finish('applied');
    await Promise.all(taken);
    expect(counts()).toEqual([1, 5]);
  });

  it('keeps a failure, whichever list is newer', async () => {
    const { take, stored, next } = stage();
    const taken = [take({ count: 1 }), take({ failed: true, error: 'lost' }), take({ count: 5 })];
    (await next(1)).finish('applied');
    (await next(2)).finish('applied');
    await Promise.all(taken);
    expect(stored[1]?.update).toMatchObject({ failure: 'lost', processedCount: 5 });
  });

  it('tells an error to those whose update it was, and goes on with the next', async () => {
    const { take, counts, next, conflator } = stage();
    const outcomes = Promise.allSettled([1, 3, 2].map((count) => take({ count })));
    (await next(1)).fail(new Error('the first'));
    (await next(2)).fail(new Error('the second'));
    const reasons = (await outcomes).map((outcome) => (outcome as PromiseRejectedResult).reason.message);
    expect(reasons).toEqual(['the first', 'the second', 'the second']);
    const again = take({ count: 3 });
    (await next(3)).finish('applied');
    expect(await again).toBe('applied');
    expect(counts()).toEqual([1, 3, 3]);
    await conflator.idle();
  });

  it('is idle once nothing waits and nothing is being stored', async () => {
    const { conflator, take, next } = stage();
    await conflator.idle();
    const taken = Promise.allSettled([take({ count: 1 }), take({ count: 2 }), take({ batchId: 'b2' })]);
    let idle = false;
    const becoming = conflator.idle().then(() => {
      idle = true;
    });
    (await next(1)).finish('applied');
    (await next(2)).finish('applied');
    await next(3);
    expect(idle).toBe(false);
    (await next(3)).fail(new Error('down'));
    await taken;
    await becoming;
  });
});

describe('the bytes that wait', () => {
  const full = { name: 'Fault', code: 'unavailable', retryAfterSeconds: 1 };

  it('are bounded, and free again once stored, or not stored', async () => {
    const { take, next } = stage(100);
    const taken = Promise.allSettled([take({ batchId: 'b1' }, 60), take({ batchId: 'b2' }, 40)]);
    expect(await refusal(take({ batchId: 'b3' }, 1))).toMatchObject(full);
    (await next(1)).finish('applied');
    (await next(2)).fail(new Error('down'));
    await taken;
    const lone = take({ batchId: 'b4' }, 100);
    (await next(3)).finish('applied');
    expect(await lone).toBe('applied');
  });

  it('let a lone update through, however large', async () => {
    const { take, next } = stage(100);
    const large = take({}, 1_000_000);
    expect(await refusal(take({ batchId: 'b2' }, 1))).toMatchObject(full);
    (await next(1)).finish('applied');
    expect(await large).toBe('applied');
  });

  it('are shared: a few users who send all they can leave room to others, and to the producers of ours', async () => {
    const { conflator, take, stored } = stage(1_000);
    const user = (userId: string): Claimant => ({ userId, files: '*', isAdmin: false });
    const flood = async (sender: Claimant) => {
      const before = conflator.bytes;
      for (let batch = 0; batch < 100; batch++)
        take({ batchId: `b${batch}` }, 10, sender).catch(() => undefined);
      await turns();
      return conflator.bytes - before;
    };
    expect(await flood(user('jane'))).toBe(500);
    expect(await flood(user('joe'))).toBe(250);
    expect(await refusal(take({ batchId: 'b' }, 10, user('jane')))).toMatchObject(full);
    expect(await refusal(take({}, 100, user('jim')))).toBeNull();
    expect(await flood(VALIDATOR)).toBe(150);
    for (const { finish } of stored) finish('applied');
    await conflator.idle();
    expect(await flood(user('joe'))).toBe(500);
  });

  it('count what an update has grown to while it waited', async () => {
    const { take, next } = stage(100);
    const taken = [take({ count: 1 }, 10), take({ count: 2 }, 10), take({ count: 3 }, 80)];
    expect(await refusal(take({ batchId: 'b2' }, 20))).toMatchObject(full);
    // No more than before would wait: what only takes the place of another is let in.
    taken.push(take({ count: 4 }, 80));
    expect(await refusal(take({ count: 5 }, 91))).toMatchObject(full);
    (await next(1)).finish('applied');
    (await next(2)).finish('applied');
    await Promise.all(taken);
    const after = [take({ batchId: 'b2' }, 50), take({ batchId: 'b3' }, 50)];
    (await next(3)).finish('applied');
    (await next(4)).finish('applied');
    await Promise.all(after);
  });

  it('are none when all is done, and the newest of each batch was stored last, whatever happened', async () => {
    const contents = fc.record({
      batchId: fc.constantFrom('b1', 'b2', 'b3'),
      count: fc.nat({ max: 9 }),
      isComplete: fc.boolean(),
      bytes: fc.nat({ max: 40 }),
      /** How many of those that are being stored are answered before the next one comes. */
      answers: fc.nat({ max: 3 }),
      works: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(contents, { maxLength: 40 }), async (messages) => {
        const { take, stored, conflator } = stage(100);
        const newest = new Map<string, Update>();
        const taken: Promise<unknown>[] = [];
        let answered = 0;
        const answer = async (works: boolean) => {
          const storing = stored[answered];
          if (storing === undefined) return;
          answered++;
          if (works) storing.finish('applied');
          else storing.fail(new Error('down'));
          await turns();
        };
        for (const { bytes, answers, works, ...message } of messages) {
          const one = update({
            batchId: message.batchId,
            emails: addresses(message.count),
            isComplete: message.isComplete,
          });
          const outcome = take(message, bytes).then(
            () => {
              if (isNewer(one, newest.get(message.batchId) ?? null)) newest.set(message.batchId, one);
            },
            () => undefined,
          );
          taken.push(outcome);
          for (let i = 0; i < answers; i++) await answer(works);
        }
        while (answered < stored.length) await answer(true);
        await Promise.all(taken);
        await conflator.idle();
        for (const [batchId, one] of newest) {
          const lists = stored.map(({ update }) => update).filter((update) => update.batchId === batchId);
          expect(lists.some((list) => !isNewer(one, list))).toBe(true);
        }
        const whole = [take({ batchId: 'x' }, 50), take({ batchId: 'y' }, 50)];
        expect(await refusal(take({ batchId: 'z' }, 1))).toMatchObject(full);
        while (answered < stored.length) await answer(true);
        await Promise.all(whole);
      }),
      { numRuns: 100 },
    );
  });
});
