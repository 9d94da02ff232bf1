import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { mongo } from 'mongoose';
import { readConfig } from '../../src/config.js';
import { startGateway } from '../../src/gateway.js';
import { createLogger } from '../../src/logger.js';
import { untilReadiness } from '../support/checks.js';
import { describeWithOwnServers } from '../support/cluster.js';
import { Producer } from '../support/producer.js';
import { ROOT } from '../support/program.js';
import { redisSenders } from '../support/redis-senders.js';
import { plainClient } from '../support/redis-server.js';
import { onTeardown } from '../support/teardown.js';
import { addresses, message } from '../support/updates.js';
import { retry } from '../support/wait.js';

interface Line {
  level: string;
  msg: string;
  dependency?: string;
  reason?: string;
  code?: string;
  hint?: string;
}

/** A gateway in this process, and what it logs. */
async function startLogging(env: NodeJS.ProcessEnv) {
  const lines: Line[] = [];
  const logger = createLogger('info', { write: (line: string) => void lines.push(JSON.parse(line)) });
  const config = readConfig({ PORT: '0', PROBE_INTERVAL_MS: '100', ...env });
  const gateway = await startGateway(config, logger);
  onTeardown(() => gateway.close());
  const about = (message: string) => lines.filter(({ msg }) => msg === message);
  return { url: gateway.url, lines, about };
}

type Logging = Awaited<ReturnType<typeof startLogging>>;

/** What `/readyz`, the log and the metric say of one refusal, from its beginning to its end. */
async function expectSeen(
  { url, about, lines }: Logging,
  {
    dependency,
    reason,
    code,
    named = reason,
  }: { dependency: string; reason: string; code: string; named?: string },
  end: () => Promise<unknown>,
): Promise<void> {
  const title = dependency === 'redis' ? 'Redis' : 'the database';
  await retry(async () => {
    const response = await fetch(`${url}/readyz`);
    const body = (await response.json()) as { reasons?: string[]; dependencies?: Record<string, Line> };
    expect([response.status, body.reasons?.includes(named)]).toEqual([503, true]);
    expect(body.dependencies?.[dependency]).toMatchObject({ reason, code });
  }, 10_000);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toContain(`verigate_dependency_up{dependency="${dependency}",reason="${reason}"} 0`);
  const begun = about(`${title} cannot be used`).filter((line) => line.code === code);
  expect(begun).toHaveLength(1);
  expect(begun[0]).toMatchObject({ level: 'error', dependency, reason });
  await end();
  await untilReadiness(url);
  expect(about(`${title} can be used again`).at(-1)).toMatchObject({ dependency });
  const after = await (await fetch(`${url}/metrics`)).text();
  expect(after).toContain(`verigate_dependency_up{dependency="${dependency}",reason=""} 1`);
  lines.length = 0;
}

describeWithOwnServers('a Redis that refuses', (start) => {
  test('is seen without any update, and healed', async () => {
    const { redis, env } = await start();
    const admin = plainClient(redis.url);
    const gateway = await startLogging(env);
    await untilReadiness(gateway.url);
    const producer = new Producer(gateway.url);

    await admin.config('SET', 'maxmemory', '1');
    await expectSeen(gateway, { dependency: 'redis', reason: 'out_of_memory', code: 'OOM' }, async () => {
      // Updates are stored meanwhile, and the log does not fill up.
      for (let count = 1; count <= 20; count++) {
        const update = message({ batchId: 'b1', fileId: 'f1', emails: addresses(count) });
        expect((await producer.call('POST', '/api/updates', update)).status).toBe(202);
      }
      expect(gateway.about('the gateway failed to announce a change and tries again')).toHaveLength(1);
      await admin.config('SET', 'maxmemory', '0');
    });
    await retry(async () => {
      const { body } = await producer.get('/api/files/f1/stats');
      expect(body).toMatchObject({ progress: { processed: 20 } });
    }, 15_000);

    await admin.replicaof('127.0.0.1', '1');
    await expectSeen(gateway, { dependency: 'redis', reason: 'read_only', code: 'READONLY' }, () =>
      admin.replicaof('NO', 'ONE'),
    );

    await admin.call('ACL', 'SETUSER', 'default', '-evalsha', '-eval');
    await expectSeen(gateway, { dependency: 'redis', reason: 'forbidden', code: 'NOPERM' }, () =>
      admin.call('ACL', 'SETUSER', 'default', '+@all'),
    );

    await admin.call(
      'ACL',
      'SETUSER',
      'default',
      'resetchannels',
      '&email_validation_results',
      '&verigate:*',
    );
    await expectSeen(gateway, { dependency: 'redis', reason: 'forbidden', code: 'NOPERM' }, async () => {
      const [line] = gateway.about('Redis cannot be used');
      expect(line?.hint).toBe(`the user may not run PUBLISH ${env.KEY_PREFIX}feed:{probe}:messages`);
      await admin.call('ACL', 'SETUSER', 'default', 'allchannels');
    });

    await admin.del('email_validation_results:stream');
    await admin.set('email_validation_results:stream', 'something else');
    await expectSeen(
      gateway,
      { dependency: 'redis', reason: 'refused', code: 'WRONGTYPE', named: 'redis' },
      () => admin.del('email_validation_results:stream'),
    );
  }, 90_000);
});

describeWithOwnServers('the rights that the documentation gives to a Redis user', (start) => {
  test('are enough, for every inlet', async () => {
    const { redis, env } = await start();
    const guide = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8');
    const [, rule = ''] = /^ACL SETUSER verigate (.*)$/m.exec(guide) ?? [];
    const words = rule.replace('PASSWORD', 'pw').split(' ');
    await plainClient(redis.url).call('ACL', 'SETUSER', 'verigate', ...words);
    const REDIS_URL = redis.url.replace('redis://', 'redis://verigate:pw@');
    const gateway = await startLogging({ ...env, REDIS_URL, KEY_PREFIX: 'verigate:' });
    await untilReadiness(gateway.url);
    const producer = new Producer(gateway.url);
    const { pubsub, stream } = redisSenders(redis.url);
    await pubsub(message({ batchId: 'b1', fileId: 'f1', emails: ['a'], isComplete: true }));
    await stream(message({ batchId: 'b2', fileId: 'f1', emails: ['b'], isComplete: true }));
    await retry(async () => {
      const { body } = await producer.get('/api/files/f1/stats');
      expect(body).toMatchObject({ progress: { processed: 2 } });
    }, 15_000);
    expect((await producer.call('DELETE', '/api/files/f1')).status).toBe(204);
    expect(gateway.lines.filter(({ level }) => level === 'error')).toEqual([]);
  }, 60_000);
});

describeWithOwnServers('a MongoDB that refuses', (start) => {
  test('is seen without any update, and healed', async () => {
    const { env } = await start();
    const admin = new mongo.MongoClient(env.MONGODB_URI, { directConnection: true });
    onTeardown(() => admin.close());
    const gateway = await startLogging(env);
    await untilReadiness(gateway.url);
    const fail = (mode: object | string, errorCode: number) =>
      admin.db('admin').command({
        configureFailPoint: 'failCommand',
        mode,
        data: { failCommands: ['insert', 'update'], errorCode },
      });
    for (const [reason, code, errorCode] of [
      ['disk_full', 'OutOfDiskSpace', 14031],
      ['read_only', 'NotWritablePrimary', 10107],
      ['forbidden', 'Unauthorized', 13],
    ] as const) {
      await fail('alwaysOn', errorCode);
      await expectSeen(gateway, { dependency: 'database', reason, code }, () => fail('off', errorCode));
    }
  }, 90_000);

  test('refuses a gateway with another KEY_PREFIX', async () => {
    const { env } = await start();
    const first = await startLogging(env);
    await untilReadiness(first.url);
    await expect(startLogging({ ...env, KEY_PREFIX: 'another:' })).rejects.toMatchObject({
      exitCode: 78,
      message: expect.stringContaining('KEY_PREFIX'),
    });
    await startLogging(env);
  }, 60_000);
});
