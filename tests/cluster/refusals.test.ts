import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { mongo } from 'mongoose';
import { untilReadiness } from '../support/checks.js';
import { describeWithOwnServers } from '../support/cluster.js';
import { isThorough } from '../support/effort.js';
import { StrictListener } from '../support/listener.js';
import { runToEnd } from '../support/process.js';
import { Producer } from '../support/producer.js';
import { ROOT } from '../support/program.js';
import { redisSenders } from '../support/redis-senders.js';
import { plainClient } from '../support/redis-server.js';
import { onTeardown } from '../support/teardown.js';
import { addresses, updateMessage } from '../support/updates.js';
import { retry } from '../support/wait.js';
import { MONGO_FAULTS, REDIS_FAULTS, type ServerFault } from './faults.js';
import { expectSeen, startWatched } from './operator.js';

const chosen = <T extends ServerFault<never>>(faults: readonly T[]): readonly T[] =>
  faults.filter(({ isSlow }) => isThorough || isSlow === undefined);

/** Some faults are made by commands that a server takes only where it was told to. */
const settings = ['--enable-debug-command', 'yes', '--enable-protected-configs', 'yes'];

describeWithOwnServers('a Redis that refuses', (start) => {
  test('is seen without any update, loses nothing, and heals', async () => {
    const { redis, env } = await start({ settings });
    const admin = plainClient(redis.url);
    const gateway = await startWatched(env);
    await untilReadiness(gateway.url);
    const producer = new Producer(gateway.url);
    const listener = await new StrictListener('f', { isPatient: true }).join(gateway.url);
    let sent = 0;
    for (const fault of chosen(REDIS_FAULTS)) {
      await fault.begin(admin);
      await expectSeen(gateway, { dependency: 'redis', ...fault }, async () => {
        // Updates are stored meanwhile, and the log does not fill up.
        for (let count = 0; count < 5; count++) {
          sent++;
          const update = updateMessage({ batchId: 'b', fileId: 'f', emails: addresses(sent) });
          expect((await producer.call('POST', '/api/updates', update)).status).toBe(202);
        }
        expect(gateway.about('the gateway failed to announce a change and tries again').length).toBeLessThan(
          3,
        );
        await fault.end(admin);
      });
      await listener.until(() => listener.copy.size === sent, 15_000);
    }
    expect(listener.faults).toEqual([]);
  }, 180_000);
});

if (isThorough)
  describeWithOwnServers('one node of a cluster that was never formed', (start) => {
    test.each(['redis', 'redis-cluster'])('is seen, and used once it is formed: %s://', async (scheme) => {
      const { redis, env } = await start({
        settings: ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'],
      });
      const gateway = await startWatched({ ...env, REDIS_URL: redis.url.replace('redis', scheme) });
      const said = {
        dependency: 'redis',
        named: 'redis',
        ...(scheme === 'redis'
          ? { reason: 'refused', codes: ['CLUSTERDOWN'], hint: /CLUSTER INFO/ }
          : { reason: 'unreachable', codes: ['CLOSED'], hint: undefined }),
      } as const;
      await expectSeen(gateway, said, () =>
        plainClient(redis.url).call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383'),
      );
    });
  });

describeWithOwnServers('the rights that the documentation gives to a Redis user', (start) => {
  test('are enough, for every inlet; a wrong password is seen', async () => {
    const { redis, env } = await start();
    const guide = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8');
    const [, rule = ''] = /^ACL SETUSER verigate (.*)$/m.exec(guide) ?? [];
    const words = rule.replace('PASSWORD', 'hunter2').split(' ');
    const admin = plainClient(redis.url);
    await admin.call('ACL', 'SETUSER', 'verigate', ...words);
    const REDIS_URL = redis.url.replace('redis://', 'redis://verigate:hunter2@');
    const gateway = await startWatched({
      ...env,
      REDIS_URL,
      KEY_PREFIX: 'verigate:',
      SOCKET_IO_KEY: 'socket.io',
    });
    await untilReadiness(gateway.url);
    const producer = new Producer(gateway.url);
    const { pubsub, stream } = redisSenders(redis.url);
    await pubsub(updateMessage({ batchId: 'b1', fileId: 'f1', emails: ['a'], isComplete: true }));
    await stream(updateMessage({ batchId: 'b2', fileId: 'f1', emails: ['b'], isComplete: true }));
    await retry(async () => {
      const { body } = await producer.get('/api/files/f1/stats');
      expect(body).toMatchObject({ progress: { processed: 2 } });
    }, 15_000);
    expect((await producer.call('DELETE', '/api/files/f1')).status).toBe(204);
    expect(gateway.lines.filter(({ level }) => level === 'error')).toEqual([]);

    await admin.call('ACL', 'SETUSER', 'verigate', 'resetpass', '>another');
    await admin.call('CLIENT', 'KILL', 'USER', 'verigate');
    const said = {
      reason: 'forbidden',
      codes: ['WRONGPASS'],
      named: 'forbidden',
      hint: /password in REDIS_URL/,
    };
    await expectSeen(gateway, { dependency: 'redis', ...said }, () =>
      admin.call('ACL', 'SETUSER', 'verigate', 'resetpass', '>hunter2'),
    );
  });
});

describeWithOwnServers('a MongoDB that refuses', (start) => {
  test('is seen without any update, and heals', async () => {
    const { env } = await start();
    const client = new mongo.MongoClient(env.MONGODB_URI, { directConnection: true });
    onTeardown(() => client.close());
    const gateway = await startWatched({ ...env, MAX_UPDATE_BYTES: '64000000', MAX_BODY_BYTES: '64000000' });
    await untilReadiness(gateway.url);
    const producer = new Producer(gateway.url);
    const stored = updateMessage({ batchId: 'b', fileId: 'f', emails: addresses(1) });
    expect((await producer.call('POST', '/api/updates', stored)).status).toBe(202);
    for (const fault of chosen(MONGO_FAULTS)) {
      await fault.begin(client.db('admin'));
      await expectSeen(gateway, { dependency: 'database', ...fault }, () => fault.end(client.db('admin')));
    }
    await retry(async () => {
      expect((await producer.get('/api/files/f')).body).toMatchObject({
        stats: { progress: { processed: 1 } },
      });
    }, 15_000);

    // What no engine could store leaves no trace in this one either.
    const huge = updateMessage({ batchId: 'h', fileId: 'huge', emails: ['x'.repeat(15 * 2 ** 20)] });
    expect((await producer.call('POST', '/api/updates', huge)).status).toBe(413);
    expect((await producer.get('/api/files/huge')).status).toBe(404);
  });

  test('refuses a gateway with another KEY_PREFIX', async () => {
    const { env } = await start();
    const first = await startWatched(env);
    await untilReadiness(first.url);
    // In a process of its own: where the database is slow, the gateway listens before it knows.
    const { code, lines } = await runToEnd({ ...env, KEY_PREFIX: 'another:' });
    expect([code, lines.at(-1)]).toEqual([
      78,
      expect.objectContaining({ level: 'fatal', msg: expect.stringContaining('KEY_PREFIX') }),
    ]);
    await startWatched(env);
  });
});
