/** Messages that make no sense, on every channel that gateways listen to: nothing ends, and no listener loses or gains anything. */
import { expect, test } from '@jest/globals';
import { expectHealthy } from '../support/checks.js';
import { describeCluster, spawnGateways } from '../support/cluster.js';
import { StrictListener } from '../support/listener.js';
import { message, Producer } from '../support/producer.js';
import { CHANNEL } from '../support/redis-senders.js';
import { plainClient } from '../support/redis-server.js';
import { plainResults } from '../support/results.js';
import { retry } from '../support/wait.js';

const MIB = 1024 * 1024;

/** Also what a newer gateway, or one of another installation, might publish on the channel of a feed. */
const nonsense = (epoch: string): readonly (string | Buffer)[] => [
  '',
  '\0',
  '{',
  'null',
  '[[[[',
  'removed',
  'emails',
  'stats 1 1\n{}',
  'emails 1 0 \n{}',
  'stats -1 -1 x\n{}',
  'emails 2 1 another\n{"fileId":"f","emails":[]}',
  'emails 1 0 constructor\n{}',
  'stats 999999999999999999999 1 __proto__\n{}',
  // A repeat of what is long past.
  `emails 1 0 ${epoch}\n{"forged":true}`,
  JSON.stringify({ batchId: 'b', isComplete: 'perhaps', validatedEmails: {} }),
  JSON.stringify({ type: 4, opts: { rooms: [], except: [] }, close: true }),
  'x'.repeat(MIB),
  Buffer.alloc(MIB, 0xff),
  // Sixty lists of MessagePack in one another, each of which says that it has 32 million entries: 15 GB, once they were made.
  Buffer.alloc(300, Buffer.from([0xdd, 2, 0, 0, 0])),
];

describeCluster('messages that make no sense', (newEnv) => {
  test('end no gateway, and change nothing for a listener, on whichever channel', async () => {
    const env = newEnv();
    const gateways = await spawnGateways(2, env);
    const [here = '', there = ''] = gateways.map(({ url }) => url);
    const producer = new Producer(here, there);
    await producer.update(message('b', plainResults('x', 4), { fileId: 'f', upTo: 2, total: 4 }));
    const listeners = await Promise.all([
      new StrictListener('f').join(here),
      new StrictListener('f', { transports: ['polling'] }).join(there),
    ]);
    const { epoch = '' } = listeners[0]?.cursor ?? {};
    const redis = plainClient(env.REDIS_URL);
    const ours = [CHANNEL, `${env.KEY_PREFIX}*`, `${env.SOCKET_IO_KEY}*`];
    const channels = (
      await Promise.all(ours.map((pattern) => redis.pubsub('CHANNELS', pattern) as Promise<string[]>))
    ).flat();
    expect(channels.filter((name) => name.startsWith(`${env.KEY_PREFIX}feed:`))).toHaveLength(1);
    expect(channels.length).toBeGreaterThan(4);
    for (const channel of [...channels, `${env.SOCKET_IO_KEY}#/#file_emails:f#`])
      for (const text of nonsense(epoch)) await redis.publish(channel, text);

    await producer.update(message('b', plainResults('x', 4), { isComplete: true }));
    for (const listener of listeners) {
      await listener.until(() => listener.stats?.status === 'completed' && listener.copy.size === 4);
      expect(listener.faults).toEqual([]);
      expect(listener.isDeleted).toBe(false);
      expect(JSON.stringify(listener.events)).not.toContain('forged');
    }
    await retry(async () =>
      expect((await producer.get('/api/files/f/listeners')).body).toEqual({ listeners: 2, gateways: 2 }),
    );
    for (const gateway of gateways) expectHealthy(gateway);
  });
});
