import { describe, expect, it } from '@jest/globals';
import { type Claimant, VALIDATOR } from '../../../src/domain/ownership.js';
import type { Store } from '../../../src/store/store.js';
import type { NewSubmission, Step } from '../../../src/store/submissions.js';
import { effort } from '../../support/effort.js';
import { eventually } from '../../support/eventually.js';
import { OPERATOR } from '../../support/operator.js';
import { retry } from '../../support/wait.js';
import { listsOf, register, type Stores, save } from './harness.js';

const HOUR_MS = 3_600_000;
let last = 0;

const JANE: Claimant = { userId: 'jane', files: [], isAdmin: false };
const JOE: Claimant = { ...JANE, userId: 'joe' };
const ADMIN: Claimant = { userId: 'root', files: '*', isAdmin: true };

const lease = (ms = HOUR_MS) => ({ owner: `owner ${++last}`, ms });

export const submissionOf = (fileId: string, more: Partial<NewSubmission> = {}): NewSubmission => ({
  id: `submission ${++last}`,
  fileId,
  key: null,
  fingerprint: 'p',
  requestId: null,
  order: '{}',
  isExclusive: false,
  sending: [3],
  keepMs: HOUR_MS,
  lease: lease(),
  ...more,
});

/** A list of these slices, as it is when its file is registered and nothing is sent yet. */
export async function openList(
  store: Store,
  fileId: string,
  slices: readonly string[][],
  more: Partial<NewSubmission> = {},
) {
  const id = `list ${++last}`;
  const list = submissionOf(fileId, { id, requestId: id, sending: [], ...more });
  const { owner } = list.lease;
  await store.submissions.claim(list);
  for (const [number, emails] of slices.entries())
    await store.submissions.addSlice(id, owner, {
      number,
      emails: emails.length,
      addresses: JSON.stringify(emails),
    });
  const total = slices.flat().length;
  const submission = { total, submitted: 0, uncertain: 0, error: null };
  await register(store, { fileId, requestId: id, totalEmails: total, submission });
  const advance = (step: Partial<Step>) =>
    store.submissions.advance(id, owner, { dueInMs: HOUR_MS, ...step });
  expect(await advance({ state: 'open', total })).toBe('done');
  return { id, owner, advance };
}

export function claimingSubmissions({ shared, own }: Stores): void {
  it('gives a key to one of several claims, and its answer to the others', async () => {
    const { store, f1 } = shared();
    const key = `key of ${f1}`;
    const claims = Array.from({ length: 8 }, () => submissionOf(f1, { key }));
    const claimed = await Promise.all(claims.map((claim) => store.submissions.claim(claim)));
    expect(claimed.map(({ state }) => state).sort()).toEqual([...Array(7).fill('in_progress'), 'mine']);
    const { id, lease: own } = claims[claimed.findIndex(({ state }) => state === 'mine')] as NewSubmission;
    const step: Step = {
      slice: { number: 0, state: 'registered' },
      state: 'done',
      answer: '{"a":1}',
      dueInMs: 0,
    };
    expect(await store.submissions.advance(id, own.owner, step)).toBe('done');
    const answered = { state: 'answered', answer: '{"a":1}' };
    expect(await store.submissions.claim(submissionOf(f1, { key }))).toEqual(answered);
  });

  it('frees a key under which nothing was accepted', async () => {
    const { store, f1 } = shared();
    const first = submissionOf(f1, { key: f1 });
    await store.submissions.claim(first);
    expect(await store.submissions.claim(submissionOf(f1, { key: f1, fingerprint: 'q' }))).toEqual({
      state: 'key_reused',
    });
    await store.submissions.end(first.id);
    expect(await store.submissions.claim(submissionOf(f1, { key: f1, fingerprint: 'q' }))).toEqual({
      state: 'mine',
    });
  });

  it('lets only one submission of a file begin that is not to overwrite anything', async () => {
    const { store, f1, f2 } = shared();
    const claims = Array.from({ length: 6 }, () => submissionOf(f1, { isExclusive: true }));
    const claimed = await Promise.all(claims.map((claim) => store.submissions.claim(claim)));
    expect(claimed.map(({ state }) => state).sort()).toEqual([...Array(5).fill('file_exists'), 'mine']);
    expect(await store.submissions.claim(submissionOf(f2, { isExclusive: true }))).toEqual({ state: 'mine' });
    const { id } = claims[claimed.findIndex(({ state }) => state === 'mine')] as NewSubmission;
    await store.submissions.end(id);
    expect(await store.submissions.claim(submissionOf(f1, { isExclusive: true }))).toEqual({ state: 'mine' });
  });

  it('hands what was accepted to a claimant whose first gateway has died, and never what may have been accepted', async () => {
    const { store, f1, f2 } = shared();
    const first = submissionOf(f1, { key: f1, lease: lease(0) });
    await store.submissions.claim(first);
    expect(await store.submissions.claim(submissionOf(f1, { key: f1 }))).toEqual({ state: 'uncertain' });
    expect(await store.submissions.accept(first.id, first.lease.owner, 0, '{"ids":1}')).toBe('done');
    const claims = [submissionOf(f1, { key: f1 }), submissionOf(f1, { key: f1 })];
    const claimed = await Promise.all(claims.map((claim) => store.submissions.claim(claim)));
    expect(claimed.map(({ state }) => state).sort()).toEqual(['in_progress', 'known']);
    expect(claimed.find(({ state }) => state === 'known')).toMatchObject({
      isMine: true,
      submission: { id: first.id, fileId: f1 },
    });
    expect(await store.submissions.slices(first.id)).toEqual([
      { number: 0, state: 'accepted', emails: 3, acceptance: '{"ids":1}' },
    ]);
    const lost = submissionOf(f2, { key: f2 });
    await store.submissions.claim(lost);
    const step: Step = { slice: { number: 0, state: 'uncertain' }, state: 'stopped', dueInMs: 0 };
    await store.submissions.advance(lost.id, lost.lease.owner, step);
    expect(await store.submissions.claim(submissionOf(f2, { key: f2 }))).toEqual({ state: 'uncertain' });
  });

  it('ends with a file that is gone already what the claimant has begun of it, and nothing of another user', async () => {
    const { store, f1, f2 } = shared();
    const by = (claimant: Claimant, fileId = f1) =>
      submissionOf(fileId, { isExclusive: true, order: JSON.stringify({ claimant }) });
    const isEnded = async ({ id, lease: { owner, ms } }: NewSubmission) =>
      !(await store.submissions.renew(id, { owner, ms }));
    const joes = by(JOE);
    await store.submissions.claim(joes);
    expect(await store.files.remove(f1, JANE)).toBe(false);
    expect(await isEnded(joes)).toBe(false);
    expect(await store.submissions.claim(by(JANE))).toEqual({ state: 'file_exists' });
    expect(await store.files.remove(f1, JOE)).toBe(false);
    expect(await isEnded(joes)).toBe(true);
    for (const claimant of [{ ...JANE, files: [f2] }, OPERATOR]) {
      const another = by(JOE, f2);
      await store.submissions.claim(another);
      await store.files.remove(f2, claimant);
      expect(await isEnded(another)).toBe(true);
    }
    // That of a file that exists goes with it.
    await register(store, { fileId: f1 }, JANE);
    const workers = submissionOf(f1, { order: JSON.stringify({ claimant: JOE }) });
    await store.submissions.claim(workers);
    expect(await store.files.remove(f1, JANE)).toBe(true);
    expect(await isEnded(workers)).toBe(true);
  });

  it('leaves a list that is being prepared to the gateways: its file may be registered already', async () => {
    const { store, f1 } = await own();
    const id = `list ${++last}`;
    const dead = { key: f1, keepMs: 0, lease: lease(0) };
    const list = submissionOf(f1, { id, requestId: id, sending: [], isExclusive: true, ...dead });
    await store.submissions.claim(list);
    const slice = { number: 0, emails: 1, addresses: '["a@x"]' };
    expect(await store.submissions.addSlice(id, list.lease.owner, slice)).toBe(true);
    const submission = { total: 1, submitted: 0, uncertain: 0, error: null };
    await register(store, { fileId: f1, requestId: id, totalEmails: 1, submission });
    // Here its gateway died: neither a repeat of the request nor the clean-up takes the list from its file.
    const repeated = { key: f1, sending: [], isExclusive: true };
    expect(await store.submissions.claim(submissionOf(f1, repeated))).toEqual({ state: 'in_progress' });
    await store.submissions.dropExpired();
    expect(await store.submissions.take(lease())).toMatchObject({ id, state: 'preparing' });
    expect(await store.submissions.addresses(id, 0)).toBe('["a@x"]');
    // Of one that has ended with its request, only the key is left.
    await register(store, { fileId: f1, requestId: 'another' });
    await store.submissions.renew(id, { owner: `owner ${last}`, ms: 0 });
    expect(await store.submissions.claim(submissionOf(f1, { key: f1 }))).toEqual({ state: 'mine' });
  });

  it('forgets an answer when its time is over', async () => {
    const { store, f1 } = shared();
    const first = submissionOf(f1, { key: f1, keepMs: 50 });
    await store.submissions.claim(first);
    const step: Step = { slice: { number: 0, state: 'registered' }, state: 'done', answer: 'a', dueInMs: 0 };
    await store.submissions.advance(first.id, first.lease.owner, step);
    const since = Date.now();
    await eventually('the time is over', () => Date.now() > since + 60);
    await store.submissions.dropExpired();
    // Deleted a few at a time.
    await retry(async () => expect(await store.submissions.slices(first.id)).toEqual([]));
    expect(await store.submissions.claim(submissionOf(f1, { key: f1, fingerprint: 'q' }))).toEqual({
      state: 'mine',
    });
  });

  it('drops the answers with the file, whose submissions are gone', async () => {
    const { store, f1 } = shared();
    await register(store, { fileId: f1, batches: [] });
    const first = submissionOf(f1, { key: f1 });
    await store.submissions.claim(first);
    await store.submissions.advance(first.id, first.lease.owner, { state: 'done', answer: 'a', dueInMs: 0 });
    await store.files.remove(f1);
    expect(await store.submissions.claim(submissionOf(f1, { key: f1, fingerprint: 'q' }))).toEqual({
      state: 'mine',
    });
  });
}

export function submittingLists({ shared, own }: Stores): void {
  it('goes from slice to slice in order, and the file says how far it is', async () => {
    const { store, f1 } = shared();
    const list = await openList(store, f1, [['a@x', 'b@x'], ['c@x']]);
    const progress = async () => (await store.files.find(f1))?.submission;
    expect(await progress()).toEqual({ total: 3, submitted: 0, uncertain: 0, error: null });
    const before = (await store.changes.since(f1, new Map()))?.changes ?? 0;
    for (const number of [0, 1]) {
      expect(await store.submissions.next(list.id)).toMatchObject({ number, state: 'waiting' });
      await list.advance({ slice: { number, state: 'sending' } });
      expect(await store.submissions.next(list.id)).toMatchObject({ number, state: 'sending' });
      expect(await store.submissions.accept(list.id, list.owner, number, `{"n":${number}}`)).toBe('done');
      expect(await store.submissions.next(list.id)).toMatchObject({ number, acceptance: `{"n":${number}}` });
      expect(await store.submissions.addresses(list.id, number)).toBe(
        number === 0 ? '["a@x","b@x"]' : '["c@x"]',
      );
      await list.advance({ slice: { number, state: 'registered' } });
      expect(await store.submissions.addresses(list.id, number)).toBeNull();
      expect(await progress()).toMatchObject({ submitted: number === 0 ? 2 : 3 });
    }
    expect(await store.submissions.next(list.id)).toBeNull();
    // Each change that the file shows is one to announce.
    expect((await store.changes.since(f1, new Map()))?.changes).toBe(before + 2);
    await list.advance({ state: 'done', dueInMs: 0 });
    expect(await store.submissions.ofFile(f1)).toMatchObject({ id: list.id, state: 'done' });
  });

  it('is sent again on request where the answer was lost, and not before', async () => {
    const { store, f1 } = shared();
    const list = await openList(store, f1, [['a@x', 'b@x'], ['c@x']]);
    expect(await store.submissions.retry(list.id, OPERATOR)).toBe(false);
    await list.advance({ slice: { number: 0, state: 'sending' } });
    await list.advance({
      slice: { number: 0, state: 'uncertain' },
      error: 'validator_unavailable',
      failures: 1,
    });
    expect((await store.files.find(f1))?.submission).toEqual({
      ...{ total: 3, submitted: 0, uncertain: 2, error: 'validator_unavailable' },
    });
    expect(await store.submissions.next(list.id)).toMatchObject({ number: 1, state: 'waiting' });
    expect(await store.submissions.addresses(list.id, 0)).toBe('["a@x","b@x"]');
    const joe = { userId: 'joe', files: [], isAdmin: false };
    for (const id of [list.id, 'gone'])
      await expect(store.submissions.retry(id, joe)).rejects.toMatchObject({ code: 'file_not_found' });
    expect(await store.submissions.next(list.id)).toMatchObject({ number: 1, state: 'waiting' });
    expect(await store.submissions.retry(list.id, { ...joe, files: [f1] })).toBe(true);
    expect(await store.submissions.next(list.id)).toMatchObject({ number: 0, state: 'waiting' });
    expect((await store.files.find(f1))?.submission).toMatchObject({ uncertain: 0, error: null });
  });

  it('stays open where a retry comes while its gateway finds nothing left to do', async () => {
    const { store, f1 } = shared();
    const { submissions } = store;
    const list = await openList(store, f1, [['a@x'], ['b@x']]);
    await list.advance({ slice: { number: 0, state: 'sending' } });
    await list.advance({ slice: { number: 0, state: 'uncertain' } });
    await list.advance({ slice: { number: 1, state: 'registered' } });
    expect(await submissions.next(list.id)).toBeNull();
    expect(await submissions.retry(list.id, OPERATOR)).toBe(true);
    expect(await list.advance({ state: 'stopped', dueInMs: 0 })).toBe('done');
    expect((await submissions.ofFile(f1))?.state).toBe('open');
    await eventually('a gateway takes it', async () => (await submissions.take(lease()))?.id === list.id);
    expect(await submissions.next(list.id)).toMatchObject({ number: 0, state: 'waiting' });
  });

  it('keeps an answer that comes after its slice was given up, from the one that sent it only', async () => {
    const { store, f1 } = shared();
    const list = await openList(store, f1, [['a@x']]);
    await list.advance({ slice: { number: 0, state: 'sending' } });
    await list.advance({ slice: { number: 0, state: 'uncertain' }, state: 'stopped', dueInMs: 0 });
    expect(await store.submissions.accept(list.id, 'another', 0, '{"not":1}')).toBe('lost');
    expect(await store.submissions.accept(list.id, list.owner, 0, '{"late":1}')).toBe('lost');
    expect(await store.submissions.next(list.id)).toMatchObject({
      state: 'accepted',
      acceptance: '{"late":1}',
    });
    const open = await store.submissions.ofFile(f1);
    expect(open).toMatchObject({ state: 'open', progress: { uncertain: 0 } });
    const registered = { number: 0, state: 'registered' } as const;
    await list.advance({ slice: { ...registered, acceptance: '{"short":1}' } });
    await list.advance({ slice: registered });
    expect(await store.submissions.slices(list.id)).toMatchObject([{ acceptance: '{"short":1}' }]);
    await list.advance({ slice: { ...registered, acceptance: null } });
    expect(await store.submissions.slices(list.id)).toMatchObject([{ acceptance: null }]);
  });

  it('ends with its file, with its request, and when its addresses are purged', async () => {
    const { store, f1, f2 } = shared();
    const first = await openList(store, f1, [['a@x'], ['b@x']], { key: f1 });
    await register(store, { fileId: f1, requestId: 'another' });
    expect(await first.advance({ slice: { number: 0, state: 'sending' } })).toBe('over');
    expect(await store.submissions.ofFile(f1)).toBeNull();
    // What was answered under its key is not forgotten with it.
    expect((await store.submissions.claim(submissionOf(f1, { key: f1 }))).state).toBe('known');
    const second = await openList(store, f2, [['a@x'], ['b@x']]);
    await second.advance({ slice: { number: 0, state: 'sending' } });
    await store.files.remove(f2);
    expect(await store.submissions.accept(second.id, second.owner, 0, '{}')).toBe('over');
    expect(await second.advance({ slice: { number: 0, state: 'sending' } })).toBe('over');
    expect(await store.submissions.addresses(second.id, 0)).toBeNull();
    expect(await store.submissions.slices(second.id)).toEqual([]);
    expect(await store.submissions.renew(second.id, { owner: second.owner, ms: 1 })).toBe(false);
  });

  it('is registered only for its own request: a file that is gone does not come back', async () => {
    const { store, f1, f2, b1 } = shared();
    await register(store, { fileId: f1, requestId: 'r1' });
    await store.files.remove(f1);
    const later = { requestId: 'r1', batches: [b1], intent: 'continue' } as const;
    expect((await register(store, { fileId: f1, ...later })).outcome).toBe('superseded');
    expect(await store.files.find(f1)).toBeNull();
    await register(store, { fileId: f2, requestId: 'r2' }, JANE);
    // Nor does it tell whose the file is by now.
    expect((await register(store, { fileId: f2, ...later }, JOE)).outcome).toBe('superseded');
    const first = { fileId: f2, requestId: 'r3', intent: 'create' } as const;
    await expect(register(store, first)).rejects.toMatchObject({ code: 'file_exists' });
    expect((await store.files.find(f2))?.requestId).toBe('r2');
    expect((await register(store, { ...first, requestId: 'r2' })).outcome).toBe('unchanged');
  });

  it('leaves batches of a request that is over known, and nothing held for them', async () => {
    const { store, f1, f2, b1, b2, b3 } = shared();
    await save(store, { batchId: b1, emails: ['held'] });
    await save(store, { batchId: b1, emails: ['held for jane'] }, JANE);
    await register(store, { fileId: f1, requestId: 'r2', batches: [b3] });
    const late = { fileId: f1, requestId: 'r1', batches: [b1, b2, b3], intent: 'continue' } as const;
    const repeated = [await register(store, late, VALIDATOR), await register(store, late, VALIDATOR)];
    expect(repeated.map(({ outcome }) => outcome)).toEqual(['superseded', 'superseded']);
    for (const batchId of [b1, b2])
      for (const more of [{}, { fileId: f1 }, { fileId: f1, requestId: 'r1' }])
        expect((await save(store, { batchId, emails: ['late'], ...more })).outcome).toBe('superseded');
    expect((await save(store, { batchId: b2, emails: ['late'] }, JANE)).outcome).toBe('superseded');
    // The batch that the file has is none of them.
    expect((await save(store, { batchId: b3, emails: ['c'] })).outcome).toBe('applied');
    // Who registers one of them for another file begins it anew, with what is held for that user.
    await register(store, { fileId: f2, requestId: 'r3', batches: [b2] });
    await register(store, { fileId: f2, requestId: 'r3', batches: [b1] }, { ...JANE, files: [f2] });
    expect((await save(store, { batchId: b2, emails: ['b'] })).outcome).toBe('applied');
    expect(await listsOf(store, f1)).toEqual({ [b3]: ['c'] });
    expect(await listsOf(store, f2)).toEqual({ [b1]: ['held for jane'], [b2]: ['b'] });
  });

  it('holds nothing for batches whose request ends while their updates come', async () => {
    const { store, f1, f2 } = shared();
    const batches = Array.from({ length: effort(40, 400) }, (_, index) => `${f1} ${index}`);
    const coming = batches.map((batchId, index) =>
      save(store, { batchId, emails: ['a'] }, index % 2 === 0 ? VALIDATOR : JANE),
    );
    const late = { fileId: f1, requestId: 'r1', batches, intent: 'continue' } as const;
    expect((await register(store, late, ADMIN)).outcome).toBe('superseded');
    await Promise.all(coming);
    for (const batchId of batches)
      expect((await save(store, { batchId, emails: ['late'] })).outcome).toBe('superseded');
    await register(store, { fileId: f2, requestId: 'r2', batches }, ADMIN);
    expect(await listsOf(store, f2)).toEqual({});
  });

  describe('of several gateways', () => {
    it('is taken over by one when its owner has died, with true counts, and the owner notices', async () => {
      const { store, f1 } = await own();
      const list = await openList(store, f1, [['a@x', 'b@x'], ['c@x']], { lease: lease(HOUR_MS) });
      expect(await store.submissions.take(lease())).toBeNull();
      await list.advance({ slice: { number: 0, state: 'sending' }, dueInMs: 0 });
      const leases = Array.from({ length: 6 }, () => lease());
      const taken = await Promise.all(leases.map((one) => store.submissions.take(one)));
      expect(taken.filter((one) => one !== null)).toHaveLength(1);
      expect(taken.find((one) => one !== null)).toMatchObject({
        ...{ id: list.id, fileId: f1, requestId: list.id, order: '{}', state: 'open' },
        progress: { total: 3, submitted: 0, uncertain: 0 },
      });
      expect(await list.advance({ slice: { number: 1, state: 'sending' } })).toBe('lost');
      expect(await store.submissions.renew(list.id, { owner: list.owner, ms: 1 })).toBe(false);
      expect(await store.submissions.next(list.id)).toMatchObject({ number: 0, state: 'sending' });
      // The old owner's answer was only late.
      expect(await store.submissions.accept(list.id, list.owner, 0, '{}')).toBe('lost');
      expect(await store.submissions.next(list.id)).toMatchObject({ number: 0, state: 'accepted' });
    });

    it('is taken by its submitter, who may be passed over, and the longest due first', async () => {
      const { store, f1, f2 } = await own();
      const by = (claimant: Claimant) => ({ order: JSON.stringify({ claimant }), lease: lease(0) });
      const joes = await openList(store, f1, [['a@x']], by(JOE));
      const nones = await openList(store, f2, [['a@x']], by(VALIDATOR));
      for (const { advance } of [joes, nones]) await advance({ dueInMs: 0 });
      expect(await store.submissions.take(lease(), ['jane', 'joe'])).toMatchObject({ id: nones.id });
      expect(await store.submissions.take(lease(), ['joe'])).toBeNull();
      expect(await store.submissions.take(lease(), ['jane'])).toMatchObject({ id: joes.id });
    });

    it('is not taken while it is leased, pauses, or is stopped', async () => {
      const { store, f1 } = await own();
      const list = await openList(store, f1, [['a@x']]);
      await list.advance({ error: 'rate_limited', failures: 1, dueInMs: 60_000 });
      expect(await store.submissions.take(lease())).toBeNull();
      const slice = { number: 0, state: 'waiting' } as const;
      await list.advance({ slice, state: 'stopped', error: 'validator_refused', dueInMs: 0 });
      expect(await store.submissions.take(lease())).toBeNull();
      expect(await store.submissions.retry(list.id, OPERATOR)).toBe(true);
      expect(await store.submissions.take(lease())).toMatchObject({ id: list.id, failures: 0 });
    });
  });

  it('keeps long slices, and lets only the owner of the lease add them', async () => {
    const { store, f1 } = shared();
    const list = submissionOf(f1, { sending: [], requestId: 'r' });
    await store.submissions.claim(list);
    const { id } = list;
    const { owner } = list.lease;
    const emails = [`${'x'.repeat(262_142)}🙂@x`, '\0', '🙂'.repeat(300_000)];
    const addresses = JSON.stringify(emails);
    expect(await store.submissions.addSlice(id, owner, { number: 0, emails: 3, addresses })).toBe(true);
    expect(await store.submissions.addresses(id, 0)).toBe(addresses);
    expect(await store.submissions.addSlice(id, 'another', { number: 1, emails: 3, addresses })).toBe(false);
    await store.submissions.end(id);
    expect(await store.submissions.addSlice(id, owner, { number: 1, emails: 3, addresses })).toBe(false);
  });
}
