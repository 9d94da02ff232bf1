import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { VALIDATOR } from '../../src/domain/ownership.js';
import { MongoStore } from '../../src/store/mongo-store.js';
import type { Store } from '../../src/store/store.js';
import {
  fill,
  keptStats,
  listsOf,
  pageOf,
  register,
  registration,
  save,
  scanned,
} from '../contracts/store/harness.js';
import { BreakingProxy } from '../support/breaking-proxy.js';
import { eventually } from '../support/eventually.js';
import { describeWithOwnMongo, MongoServer } from '../support/mongo-server.js';
import { onTeardown } from '../support/teardown.js';
import { LIMITS, openStore } from './mongo-harness.js';

const unavailable = { name: 'Fault', code: 'unavailable', retryAfterSeconds: 1 };

/** Every call of the port, each as if it were the first. */
const calls = (store: Store): Record<string, Promise<unknown>> => ({
  'file of a batch': store.updates.fileOfBatch('b1'),
  register: store.updates.register(registration({ fileId: 'f1', batches: ['b1'] }), VALIDATOR),
  save: save(store, { batchId: 'b1', emails: ['a', 'b'] }),
  'save of a new file': save(store, { batchId: 'b2', fileId: 'f2', emails: ['a', 'b'] }),
  fail: store.updates.fail('f1', 'b1', ''),
  'mark stalled': store.updates.markStalled({ begunBefore: Date.now(), queuedBefore: 0 }),
  remove: store.files.remove('f3'),
  find: store.files.find('f1'),
  batches: store.files.batches('f1'),
  changes: store.changes.since('f1', new Map()),
  'mark announced': store.changes.markAnnounced(
    'f1',
    'generation',
    { changes: 1, batches: new Map([['b1', 1]]) },
    keptStats('{}'),
  ),
  unannounced: store.changes.unannounced(),
  page: pageOf(store, { fileId: 'f1', page: 1, limit: 1 }),
  search: pageOf(store, { fileId: 'f1', page: 1, limit: 1, email: 'a' }),
  scan: scanned(store, 'f1'),
  list: store.files.list({ limit: 1, after: null }),
});

async function expectUnavailable(store: Store, withinMs: number): Promise<void> {
  const start = performance.now();
  const made = calls(store);
  const outcomes = await Promise.allSettled(Object.values(made));
  for (const [index, outcome] of outcomes.entries()) {
    expect({ call: Object.keys(made)[index], ...outcome }).toMatchObject({
      status: 'rejected',
      reason: unavailable,
    });
  }
  expect(performance.now() - start).toBeLessThan(withinMs);
}

const answers = (store: Store): Promise<boolean> =>
  store.files.find('f1').then(
    () => true,
    () => false,
  );

describeWithOwnMongo('a MongoDB that comes and goes', () => {
  let server: MongoServer;
  beforeAll(async () => {
    server = await MongoServer.start();
  });
  afterAll(() => server?.stop());

  it('may start after the gateway: calls fail until then, and work from then on', async () => {
    const uri = server.newUri();
    await server.kill();
    const problems: Error[] = [];
    const store = MongoStore.open({
      ...LIMITS,
      uri,
      onProblem: (reason) => problems.push(reason),
    });
    try {
      await expectUnavailable(store, 10_000);
      expect(problems[0]).toMatchObject(unavailable);
      await server.start();
      await eventually('the store found its database', () => answers(store), 30_000);
      await fill(store, 'f1', new Map([['b1', ['a']]]));
      expect(await listsOf(store, 'f1')).toEqual({ b1: ['a'] });
    } finally {
      await store.close();
    }
  });

  it('closes a store that never found its database', async () => {
    const uri = server.newUri();
    await server.kill();
    const store = openStore(uri);
    const call = store.files.find('f1').catch((error: unknown) => error);
    await Promise.all([store.close(), store.close()]);
    expect(await call).toMatchObject(unavailable);
    await server.start();
  });

  it('may be started again: what was stored is there, what is new is taken', async () => {
    const store = openStore(server.newUri());
    await fill(store, 'f1', new Map([['b1', ['a']]]));
    await server.kill();
    await expectUnavailable(store, 15_000);
    await server.start();
    await eventually('the store found its database again', () => answers(store), 30_000);
    expect(await listsOf(store, 'f1')).toEqual({ b1: ['a'] });
    await register(store, { fileId: 'f1', batches: ['b2'] });
    await save(store, { batchId: 'b2', emails: ['b'] });
    expect(await listsOf(store, 'f1')).toEqual({ b1: ['a'], b2: ['b'] });
  });

  it('may hang: nobody waits for it without an end, however many wait', async () => {
    const store = openStore(server.newUri());
    await fill(store, 'f1', new Map([['b1', ['a']]]));
    const goOn = await server.freeze();
    try {
      const many = Array.from({ length: 300 }, (_, i) => save(store, { batchId: 'b1', emails: [`${i}`] }));
      const queued = Promise.allSettled(many);
      await expectUnavailable(store, 25_000);
      for (const outcome of await queued) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: unavailable });
      }
    } finally {
      goOn();
    }
    await eventually('the database answers again', () => answers(store), 30_000);
    expect(await listsOf(store, 'f1')).toEqual({ b1: ['a'] });
  });

  it('may store what it never answers: whoever sends it again is told that it was', async () => {
    const uri = new URL(server.newUri());
    const line = await BreakingProxy.to(Number(uri.port));
    onTeardown(() => line.close());
    uri.port = String(line.port);
    const store = openStore(String(uri));
    await register(store, { fileId: 'f1', batches: ['b1'] });
    line.breakAfter('fingerprint');
    const saved = save(store, { batchId: 'b1', emails: ['a'] });
    await expect(saved).rejects.toMatchObject(unavailable);
    await line.restore();
    await eventually('the store found its database again', () => answers(store));
    expect(await listsOf(store, 'f1')).toEqual({ b1: ['a'] });
    expect(await save(store, { batchId: 'b1', emails: ['a'] })).toMatchObject({ outcome: 'applied' });
    expect(await save(store, { batchId: 'b1', emails: ['a'] })).toMatchObject({ outcome: 'unchanged' });
  });

  it.each(['mongodb://user:secret@/nowhere', 'http://user:secret@host', 'user:secret@host', ''])(
    'refuses an address that makes no sense, without repeating it: %s',
    (uri) => {
      const open = () => MongoStore.open({ ...LIMITS, uri });
      expect(open).toThrow(expect.objectContaining({ name: 'FatalError', exitCode: 78 }));
      expect(open).not.toThrow(/secret/);
    },
  );
});
