import { expect, it } from '@jest/globals';
import { type Claimant, VALIDATOR } from '../../../src/domain/ownership.js';
import { effort } from '../../support/effort.js';
import { OPERATOR } from '../../support/operator.js';
import { listsOf, register, type Stores, save } from './harness.js';

const user = (userId: string, files: readonly string[] = []): Claimant => ({ userId, files, isAdmin: false });
const JANE = user('jane');
const JOE = user('joe');
const WORKER = user('worker');
const HELD = { outcome: 'held', fileId: null };
const NOT_FOUND = { code: 'file_not_found' };

const RACES = effort(20, 150);

export function owning({ shared }: Stores): void {
  it('refuses whoever registers for another’s file, and changes nothing', async () => {
    const { store, f1, b1, b2, b9 } = shared();
    await register(store, { fileId: f1, batches: [b1] }, JANE);
    await save(store, { batchId: b1, emails: ['a'] }, JANE);
    const [before, batches] = [await store.files.find(f1), await store.files.batches(f1)];
    for (const said of [
      {},
      { batches: [b1] },
      { batches: [b9] },
      { requestId: 'r2', batches: [b2] },
      { requestId: 'r2', userId: 'joe' },
      { userId: 'joe' },
    ])
      await expect(register(store, { ...said, fileId: f1 }, JOE)).rejects.toMatchObject(NOT_FOUND);
    expect(await store.files.find(f1)).toEqual(before);
    expect(await store.files.batches(f1)).toEqual(batches);
    expect(await listsOf(store, f1)).toEqual({ [b1]: ['a'] });
  });

  it('says the same of another’s file and of its replaced request', async () => {
    const { store, f1, b1, b2, b9 } = shared();
    await register(store, { fileId: f1, batches: [b1] }, JANE);
    await register(store, { fileId: f1, requestId: 'r2', batches: [b2] }, JANE);
    await expect(register(store, { fileId: f1, batches: [b1] }, JOE)).rejects.toMatchObject(NOT_FOUND);
    const update = { batchId: b9, fileId: f1, requestId: 'r1', emails: ['x'] };
    await expect(save(store, update, JOE)).rejects.toMatchObject(NOT_FOUND);
    expect((await save(store, update, JANE)).outcome).toBe('superseded');
  });

  it('refuses an update that names another’s file, and changes nothing', async () => {
    const { store, f1, b1, b9 } = shared();
    await register(store, { fileId: f1, batches: [b1] }, JANE);
    for (const batchId of [b1, b9])
      for (const request of [{ requestId: 'r1' }, { requestId: 'r2' }, {}])
        await expect(
          save(store, { batchId, fileId: f1, ...request, emails: ['x'] }, JOE),
        ).rejects.toMatchObject(NOT_FOUND);
    expect(await listsOf(store, f1)).toEqual({});
    expect((await store.files.batches(f1)).map(({ batchId }) => batchId)).toEqual([b1]);
    expect(await store.updates.fileOfBatch(b9)).toBeNull();
  });

  it('holds an update for a batch of another’s file, as if the batch were unknown', async () => {
    const { store, f1, b1 } = shared();
    await register(store, { fileId: f1, batches: [b1] }, JANE);
    await save(store, { batchId: b1, emails: ['a'] });
    expect(await save(store, { batchId: b1, emails: ['x', 'y'], isComplete: true }, JOE)).toEqual(HELD);
    expect(await listsOf(store, f1)).toEqual({ [b1]: ['a'] });
    // Not even a later registration by the owner takes it in.
    await register(store, { fileId: f1, batches: [{ batchId: b1, totalEmails: 2 }] }, JANE);
    expect(await listsOf(store, f1)).toEqual({ [b1]: ['a'] });
    expect((await save(store, { batchId: b1, emails: ['a', 'b'] }, JANE)).outcome).toBe('applied');
    expect(await listsOf(store, f1)).toEqual({ [b1]: ['a', 'b'] });
  });

  it('gives what is held to the user who sent it, or to an admin', async () => {
    const { store, f1, f2, b1, b2, b3 } = shared();
    for (const batchId of [b1, b2, b3])
      expect(await save(store, { batchId, emails: ['x'] }, JOE)).toEqual(HELD);
    expect((await register(store, { fileId: f1, batches: [b1] }, JANE)).outcome).toBe('created');
    expect(await listsOf(store, f1)).toEqual({});
    await register(store, { fileId: f2, batches: [b2] }, JOE);
    expect(await listsOf(store, f2)).toEqual({ [b2]: ['x'] });
    expect(await save(store, { batchId: b2, emails: ['x', 'y'], isComplete: true }, JOE)).toEqual({
      outcome: 'applied',
      fileId: f2,
    });
    await register(store, { fileId: f1, batches: [b3] }, OPERATOR);
    expect(await listsOf(store, f1)).toEqual({ [b3]: ['x'] });
  });

  it('holds what several send for one batch side by side, and the newest wins where both apply', async () => {
    const { store, f1, f2, b1, b2 } = shared();
    for (const batchId of [b1, b2]) {
      await save(store, { batchId, emails: ['x', 'y', 'z'], isComplete: true }, JOE);
      await save(store, { batchId, emails: ['a'] });
      await save(store, { batchId, emails: ['a', 'b'] });
    }
    await register(store, { fileId: f1, batches: [b1] }, JANE);
    expect(await listsOf(store, f1)).toEqual({ [b1]: ['a', 'b'] });
    await register(store, { fileId: f2, batches: [b2] }, JOE);
    expect(await listsOf(store, f2)).toEqual({ [b2]: ['x', 'y', 'z'] });
    expect((await store.files.batches(f2))[0]?.status).toBe('completed');
  });

  it('gives an admin what several have had held for one batch: the newest list, and what the others have said', async () => {
    const { store, f1, b1 } = shared();
    const { updates: before } = await store.updates.heldCounts();
    await save(store, { batchId: b1, emails: ['a'], failed: true, error: 'why' });
    await save(store, { batchId: b1, emails: ['x', 'y', 'z'] }, JOE);
    await save(store, { batchId: b1, emails: ['m', 'n'] }, JANE);
    await register(store, { fileId: f1, batches: [b1] }, { ...user('root'), isAdmin: true });
    expect(await listsOf(store, f1)).toEqual({ [b1]: ['x', 'y', 'z'] });
    expect((await store.files.batches(f1))[0]?.status).toBe('failed');
    expect((await store.updates.heldCounts()).updates).toBe(before);
  });

  it('gives a file that only updates have named to the user who sent them', async () => {
    const { store, f1, f2, b1, b2, b9 } = shared();
    await save(store, { batchId: b1, fileId: f1, emails: ['a'] }, JOE);
    expect((await store.files.find(f1))?.userId).toBe('joe');
    await expect(register(store, { fileId: f1, batches: [b9] }, JANE)).rejects.toMatchObject(NOT_FOUND);
    expect((await register(store, { fileId: f1, batches: [b1] }, JOE)).facts?.userId).toBe('joe');
    // One that comes from Redis alone is the operator's until an admin gives it away.
    await save(store, { batchId: b2, fileId: f2, emails: ['a'] });
    expect((await store.files.find(f2))?.userId).toBeNull();
    await expect(register(store, { fileId: f2, batches: [b2] }, JOE)).rejects.toMatchObject(NOT_FOUND);
    const given = { fileId: f2, userId: 'jane', batches: [b2] };
    await expect(register(store, given, VALIDATOR)).rejects.toMatchObject(NOT_FOUND);
    expect((await register(store, given, OPERATOR)).facts?.userId).toBe('jane');
    expect(await listsOf(store, f2)).toEqual({ [b2]: ['a'] });
  });

  it('lets the producer of a request go on with it, and no further', async () => {
    const { store, f1, b1, b2, b3 } = shared();
    const request = { fileId: f1, userId: 'jane', batches: [b1] };
    expect((await register(store, request, WORKER)).facts?.userId).toBe('jane');
    expect((await save(store, { batchId: b1, emails: ['a'] }, WORKER)).outcome).toBe('applied');
    expect((await register(store, { fileId: f1, batches: [b2] }, WORKER)).outcome).toBe('extended');
    const taken = { fileId: f1, userId: 'worker' };
    await expect(register(store, taken, WORKER)).rejects.toMatchObject(NOT_FOUND);
    const next = { fileId: f1, requestId: 'r2', batches: [b3] };
    await expect(register(store, next, WORKER)).rejects.toMatchObject(NOT_FOUND);
    expect((await register(store, next, JANE)).outcome).toBe('replaced');
    // The request is the owner's own now.
    expect((await save(store, { batchId: b3, emails: ['x'] }, WORKER)).outcome).toBe('held');
    expect(await listsOf(store, f1)).toEqual({});
  });

  it('ends what the former owner may do to a file that an admin gives away, and nothing that its producer may', async () => {
    const { store, f1, f2, b1, b2, b9 } = shared();
    await register(store, { fileId: f1, batches: [b1] }, JANE);
    await register(store, { fileId: f2, userId: 'jane', batches: [b2] }, WORKER);
    for (const fileId of [f1, f2]) await register(store, { fileId, userId: 'joe' }, OPERATOR);
    expect((await save(store, { batchId: b1, emails: ['x'] }, JANE)).outcome).toBe('held');
    const more = register(store, { fileId: f1, batches: [b9] }, JANE);
    await expect(more).rejects.toMatchObject(NOT_FOUND);
    expect(await listsOf(store, f1)).toEqual({});
    expect((await save(store, { batchId: b1, emails: ['a'] }, JOE)).outcome).toBe('applied');
    expect((await save(store, { batchId: b2, emails: ['a'] }, WORKER)).outcome).toBe('applied');
    expect((await save(store, { batchId: b2, emails: ['x', 'y'] }, JANE)).outcome).toBe('held');
  });

  it('lets the owner or an admin give a file away', async () => {
    const { store, f1, b1 } = shared();
    await register(store, { fileId: f1, batches: [b1] }, JANE);
    expect((await register(store, { fileId: f1, userId: 'joe' }, JANE)).facts?.userId).toBe('joe');
    await expect(register(store, { fileId: f1, userId: 'jane' }, JANE)).rejects.toMatchObject(NOT_FOUND);
    expect((await register(store, { fileId: f1, userId: 'jane' }, OPERATOR)).facts?.userId).toBe('jane');
  });

  it('refuses whoever deletes another’s file or ends one of its batches, and changes nothing', async () => {
    const { store, f1, f2, b1, b9 } = shared();
    const named = { ...JOE, files: [f1] };
    await register(store, { fileId: f1, userId: 'jane', batches: [b1] }, WORKER);
    await save(store, { batchId: b1, emails: ['a'] }, WORKER);
    const [before, batches] = [await store.files.find(f1), await store.files.batches(f1)];
    for (const claimant of [JOE, WORKER]) {
      await expect(store.files.remove(f1, claimant)).rejects.toMatchObject(NOT_FOUND);
      for (const batchId of [b1, b9])
        await expect(store.updates.fail(f1, batchId, 'why not', claimant)).rejects.toMatchObject(NOT_FOUND);
    }
    expect(await store.files.remove(f2, JOE)).toBe(false);
    expect(await store.updates.fail(f2, b1, 'why not', JOE)).toBe(false);
    expect(await store.files.find(f1)).toEqual(before);
    expect(await store.files.batches(f1)).toEqual(batches);
    expect(await store.updates.fail(f1, b1, 'gave up', JANE)).toBe(true);
    expect(await store.files.remove(f1, named)).toBe(true);
  });

  it(`has one owner of a new file that two users claim at once, ${RACES} times`, async () => {
    const { store, f1, b1, b2 } = shared();
    for (let race = 0; race < RACES; race++) {
      const fileId = `${f1}, race ${race}`;
      const claims = [JANE, JOE].map((claimant, index) =>
        register(
          store,
          { fileId, requestId: `r${index}`, batches: [`${index} ${[b1, b2][index]} ${race}`] },
          claimant,
        ),
      );
      const outcomes = await Promise.allSettled(claims);
      const won = outcomes.filter(({ status }) => status === 'fulfilled');
      expect(won).toHaveLength(1);
      const winner = outcomes[0]?.status === 'fulfilled' ? 'jane' : 'joe';
      expect((await store.files.find(fileId))?.userId).toBe(winner);
      expect(await store.files.batches(fileId)).toHaveLength(1);
    }
  });
}
