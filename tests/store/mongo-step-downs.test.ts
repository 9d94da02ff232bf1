/** What a store says of writes that the primary alone has: it may lose them as soon as another member takes its place. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { VALIDATOR } from '../../src/domain/ownership.js';
import { isAmbiguous } from '../../src/store/mongo/errors.js';
import { refusalOf } from '../../src/store/mongo/refusals.js';
import { assertFollowsPrimary } from '../../src/store/mongo/usable-uri.js';
import type { Store } from '../../src/store/store.js';
import { fill, listsOf, register, registration, save } from '../contracts/store/harness.js';
import { Listener } from '../contracts/store/listener.js';
import { effort } from '../support/effort.js';
import { FailingCommands, STEP_DOWN_CODES, WRITES } from '../support/fail-command.js';
import { describeWithOwnMongo, MongoServer, withDatabase } from '../support/mongo-server.js';
import { openStore } from './mongo-harness.js';

const HOUR_MS = 3_600_000;

/** What a caller may take for stored once it has an answer, each with the answer that it gets in the end. */
const acknowledged = (store: Store): Record<string, [call: () => Promise<unknown>, answer: unknown]> => ({
  registration: [
    () => store.updates.register(registration({ fileId: 'new', batches: ['n1', 'n2'] }), VALIDATOR),
    { outcome: expect.not.stringMatching('unchanged'), touched: ['n1', 'n2'] },
  ],
  'registration that changes nothing': [
    () => register(store, { fileId: 'kept', batches: ['k1'] }),
    { outcome: expect.stringMatching(/unchanged|extended/) },
  ],
  'registration of a request that is over': [
    () => register(store, { fileId: 'replaced', requestId: 'r1', batches: ['r1'] }),
    { outcome: 'superseded' },
  ],
  update: [() => save(store, { batchId: 'k1', emails: ['a', 'b'] }), { outcome: 'applied' }],
  'update that registers its file': [
    () => save(store, { batchId: 's1', fileId: 'by itself', emails: ['a'] }),
    { outcome: 'applied' },
  ],
  'update without a file': [() => save(store, { batchId: 'h1', emails: ['a'] }), { outcome: 'held' }],
  'update of a request that is over': [
    () => save(store, { batchId: 'r1', emails: ['a', 'b'] }),
    { outcome: 'superseded' },
  ],
  'end of a batch': [() => store.updates.fail('kept', 'k2', 'reason'), true],
  'end of a batch that has ended': [() => store.updates.fail('kept', 'k3', 'reason'), true],
  deletion: [() => store.files.remove('deleted'), expect.any(Boolean)],
  revocation: [() => store.revocations.add({ sub: 'jane', at: 1_000 }), undefined],
  'dead letter': [
    () => store.deadLetters.add({ inlet: 'pubsub', reason: 'not JSON', payload: '{' }),
    undefined,
  ],
  'key of a submission': [
    () =>
      store.submissions.claim({
        id: 'another',
        fileId: 'submitted',
        key: 'key',
        fingerprint: 'print',
        requestId: null,
        order: '{}',
        isExclusive: false,
        sending: [1],
        keepMs: HOUR_MS,
        lease: { owner: 'another', ms: HOUR_MS },
      }),
    { state: 'in_progress' },
  ],
});

describeWithOwnMongo('a primary that steps down before other members have its writes', () => {
  let server: MongoServer;
  beforeAll(async () => {
    server = await MongoServer.start({ isDurable: false });
  });
  afterAll(() => server?.stop());

  it('has an update in a flush although its answer was lost, and an earlier one was saved', async () => {
    const uri = server.newUri();
    const commands = FailingCommands.at(uri);
    const store = openStore(uri);
    await register(store, { fileId: 'f1', batches: ['b1'] });
    await save(store, { batchId: 'b1', emails: ['a'] });
    const writeConcernError = { code: 64, errmsg: 'not replicated' };
    await commands.begin({ commands: WRITES, writeConcernError });
    await expect(save(store, { batchId: 'b1', emails: ['a', 'b'] })).rejects.toMatchObject({
      code: 'unavailable',
    });
    await commands.end();
    const listener = new Listener(store, 'f1');
    await listener.catchUp(['b1'], new Set(['b1']));
    expect(listener.list('b1')).toHaveLength(2);
  });

  /** After a step-down the driver waits half a second before each next call: left to the thorough run. */
  const CODES: [string, number][] = [
    ['WriteConcernTimeout', 64],
    ['PrimarySteppedDown', STEP_DOWN_CODES.PrimarySteppedDown],
  ];

  it.each(CODES.slice(0, effort(1, CODES.length)))(
    'acknowledges none of them, nor a repeat that finds them: %s',
    async (_, code) => {
      const uri = server.newUri();
      const commands = FailingCommands.at(uri);
      const store = openStore(uri);
      await register(store, { fileId: 'kept', batches: ['k1', 'k2', 'k3'] });
      await save(store, { batchId: 'k1', emails: ['a'] });
      await store.updates.fail('kept', 'k3', 'reason');
      await fill(store, 'replaced', new Map([['r1', ['a']]]));
      await register(store, { fileId: 'replaced', requestId: 'r2', batches: ['r2'] });
      await fill(store, 'deleted', new Map([['d1', ['a']]]));
      const lease = { owner: 'first', ms: HOUR_MS };
      const first = { id: 'first', fileId: 'submitted', key: 'key', fingerprint: 'print', requestId: null };
      await store.submissions.claim({
        ...first,
        order: '{}',
        isExclusive: false,
        sending: [1],
        keepMs: HOUR_MS,
        lease,
      });

      const calls = Object.entries(acknowledged(store));
      await commands.begin({ commands: WRITES, writeConcernError: { code, errmsg: 'not replicated' } });
      for (const attempt of [1, 2])
        for (const [name, [call]] of calls) {
          const outcome = await call().catch((error: unknown) => error);
          expect({ name, attempt, outcome }).toMatchObject({
            outcome: { name: 'Fault', code: 'unavailable', retryAfterSeconds: 1 },
          });
        }
      await commands.end();
      for (const [name, [call, answer]] of calls)
        expect({ name, answer: await call() }).toMatchObject({ name, answer });
      expect(await listsOf(store, 'kept')).toEqual({ k1: ['a', 'b'] });
      expect(await store.files.find('deleted')).toBeNull();
      expect(await store.revocations.since(null)).toMatchObject({
        revocations: [{ sub: 'jane', at: 1_000 }],
      });
    },
  );

  it('leaves in doubt what a bulk has written, but not what it refused', async () => {
    const uri = server.newUri();
    const commands = FailingCommands.at(uri);
    await withDatabase(uri, async (database) => {
      const items = database.collection<{ _id: number }>('items');
      const errorOf = (...ids: number[]) =>
        items.bulkWrite(ids.map((_id) => ({ insertOne: { document: { _id } } }))).then(
          () => undefined,
          (error: unknown) => error,
        );
      await commands.begin({
        commands: WRITES,
        writeConcernError: { code: 64, errmsg: 'not replicated' },
      });
      const unconfirmed = await errorOf(1, 2);
      await commands.end();
      expect(isAmbiguous(unconfirmed)).toBe(true);
      expect(refusalOf(unconfirmed)).toMatchObject({ reason: 'refused', code: 'WriteConcernTimeout' });
      expect(isAmbiguous(await errorOf(1))).toBe(false);
    });
  });
});

describe('a direct connection', () => {
  const hello = (...hosts: string[]) => ({ setName: 'rs0', isWritablePrimary: true, hosts });

  it('to one of several members is refused: it would read from it after another one was elected', () => {
    const uri = 'mongodb://user:secret@db1/verigate?directConnection=true';
    const opened = () => assertFollowsPrimary(uri, hello('db1:27017', 'db2:27017', 'db3:27017'));
    expect(opened).toThrow(expect.objectContaining({ exitCode: 78 }));
    expect(opened).toThrow('directConnection');
    expect(opened).not.toThrow('secret');
  });

  it.each([
    ['the set has one member', 'directConnection=true', hello('db1:27017')],
    ['there is no set', 'directConnection=true', {}],
    ['the driver follows the set', 'replicaSet=rs0', hello('db1:27017', 'db2:27017')],
  ])('is allowed where %s', (_, options, answer) => {
    expect(() => assertFollowsPrimary(`mongodb://db1/verigate?${options}`, answer)).not.toThrow();
  });
});
