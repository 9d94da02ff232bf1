import { expect, test } from '@jest/globals';
import type { Socket } from 'socket.io-client';
import { listenToFile } from '../../src/client/index.js';
import { collectedHeap } from '../support/collected-heap.js';
import { type GatewayProcess, spawnGateway } from '../support/gateway.js';
import { connect, refusalOf, subscribe } from '../support/socket.js';
import { onTeardown } from '../support/teardown.js';
import { retry } from '../support/wait.js';

const SOCKETS = 20;
const FILES = 100;
const KIB = 1024;
const OF_SUBSCRIPTION = KIB;

/** What docs/operations.md says of a subscription and of a file that is listened to, for ids of usual length and the longest. */
test.each([
  { ids: 'of usual length', prefix: '', ofFile: 4 * KIB },
  { ids: 'as long as they may be', prefix: 'Ж'.repeat(220), ofFile: 8 * KIB },
])(
  'what a subscription takes in memory: ids $ids',
  async ({ prefix, ofFile }) => {
    const heap = collectedHeap();
    const gateway = await spawnGateway({
      ...heap.env,
      MAX_EVENTS_PER_SECOND: '1000',
      MAX_FOLLOWED_FILES: '5000',
    });
    const sockets = await Promise.all(Array.from({ length: SOCKETS }, () => connect(gateway.url)));
    const used = async (process: GatewayProcess) => (await heap.of(process)).heapUsed;
    const subscribeAll = async (of: Socket[], idOf: (socket: number, file: number) => string) => {
      for (const [index, socket] of of.entries())
        await Promise.all(
          Array.from({ length: FILES }, (_, file) =>
            subscribe(socket, { fileId: prefix + idOf(index, file) }),
          ),
        );
    };
    const [first, ...others] = sockets as [Socket, ...Socket[]];
    await subscribeAll([first], (_, file) => `shared ${file}`);
    const before = await used(gateway);
    await subscribeAll(others.slice(0, SOCKETS / 2), (_, file) => `shared ${file}`);
    const between = await used(gateway);
    expect((between - before) / (SOCKETS / 2) / FILES).toBeLessThan(OF_SUBSCRIPTION);
    await subscribeAll(others.slice(SOCKETS / 2), (socket, file) => `own ${socket} ${file}`);
    const files = (SOCKETS / 2 - 1) * FILES;
    expect((await used(gateway)) - between).toBeLessThan(files * (ofFile + OF_SUBSCRIPTION));
  },
  120_000,
);

test('beyond its share of the files a caller is refused until some are not listened to any more, and the SDK tries again', async () => {
  const { url } = await spawnGateway({ MAX_FOLLOWED_FILES: '4', MAX_SUBSCRIPTIONS: '8' });
  const [one, other] = [await connect(url), await connect(url)];
  await subscribe(one, { fileId: 'a' });
  await subscribe(one, { fileId: 'b' });
  const tooMany = { ok: false, code: 'rate_limited', retryable: true, says: true };
  expect(await refusalOf(other, 'subscribe', { fileId: 'c' })).toEqual(tooMany);
  await subscribe(other, { fileId: 'a' });
  await subscribe(other, { fileId: 'b' });
  const third = await connect(url);
  expect(await refusalOf(third, 'subscribe', { fileId: 'a' })).toEqual(tooMany);
  const states: string[] = [];
  const listener = listenToFile(third, 'a', {
    feeds: ['stats'],
    onState: (state) => states.push(state.state === 'stale' ? state.reason : state.state),
  });
  onTeardown(() => listener.close());
  await retry(async () => expect(states).toContain('refused'));
  one.disconnect();
  await retry(async () => expect(states.at(-1)).toBe('live'));
});
