import { expect, test } from '@jest/globals';
import { expectComplete, untilReadiness } from '../support/checks.js';
import { describeWithOwnServers, startGateways } from '../support/cluster.js';
import { effort } from '../support/effort.js';
import { StrictListener } from '../support/listener.js';
import { expectAnnouncedOnce, expectNoHole, Mirror, openRoom } from '../support/mirror.js';
import { Oracle } from '../support/oracle.js';
import { inParallel, type Message, Producer, pathOf } from '../support/producer.js';
import { redisSenders, STREAM } from '../support/redis-senders.js';
import { mixed } from '../support/results.js';
import { RetryingProducer } from '../support/retrying-producer.js';
import { messagesOf, type Run, shuffled } from '../support/scenario.js';
import { retry } from '../support/wait.js';

const FILES = effort(5, 20);
const BATCHES = 10;
const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);
/** How a message is sent: over one of the inlets, or over both. */
const WAYS = [['pubsub'], ['pubsub'], ['stream'], ['stream'], ['pubsub', 'stream']] as const;
/** Generous, for a busy machine. */
const LONG_MS = 60_000;
/** Repeated messages are counted within this time, so it must be long enough not to run out during the test. */
const LONG_CLAIMS_MS = '600000';

describeWithOwnServers('three gateways on Pub/Sub and Stream', (start) => {
  test(`store each update once, whatever the order (CHAOS_SEED=${SEED})`, async () => {
    const { env } = await start();
    const urls = (
      await startGateways(3, { ...env, EMAILS_PER_EVENT: '6', CLAIM_TTL_MS: LONG_CLAIMS_MS })
    ).map(({ url }) => url);
    await Promise.all(urls.map((url) => untilReadiness(url)));
    const files = await Promise.all(
      Array.from({ length: FILES }, async (_, number) => fileOf(number, env.REDIS_URL, urls)),
    );

    const producer = new RetryingProducer(() => urls);
    const senders = redisSenders(env.REDIS_URL);
    const answered: (() => void)[] = [];
    const sent = { pubsub: 0, stream: 0 };
    const sends = files.flatMap(({ oracle, messages }) =>
      messages.map((update, number) => async () => {
        answered.push(oracle.sending(update));
        for (const way of WAYS[mixed(SEED, number, 5) % WAYS.length] ?? []) {
          sent[way]++;
          await senders[way](update);
        }
      }),
    );
    const registrations = files.map(({ oracle, list }) => async () => {
      await producer.call(201, 'POST', `${pathOf(oracle.fileId)}/batches`, list);
      oracle.registered(list);
    });
    await inParallel(shuffled([...sends, ...registrations], SEED), 16);
    for (const taken of answered) taken();

    for (const { oracle, listeners } of files) {
      await expectComplete(urls, oracle, listeners, LONG_MS);
    }
    for (const { mirror, rooms, growing } of files) {
      expectNoHole(mirror.received);
      expectAnnouncedOnce(mirror.received, growing);
      for (const room of rooms) {
        await retry(async () => expect(room()).toEqual(mirror.received));
      }
    }
    // Each message was handled by one gateway and skipped by the others.
    const handled = async (inlet: string) => {
      const counts = await Promise.all(urls.map((url) => messagesAt(url, inlet)));
      return counts.reduce((sum, count) => sum + count, 0);
    };
    await retry(async () =>
      expect({ pubsub: await handled('pubsub'), stream: await handled('stream') }).toEqual(sent),
    );
    const metrics = await new Producer(urls[0] ?? '').text('/metrics');
    for (const name of ['verigate_stream_lag', 'verigate_stream_pending'])
      expect(metrics).toContain(`\n${name}{stream="${STREAM}"} 0\n`);
    expect(metrics).toMatch(
      /^verigate_dependency_call_seconds_count\{dependency="redis",call="append"\} [1-9]/m,
    );
    expect(metrics).toMatch(/^verigate_delivery_seconds_count [1-9]/m);
  }, 180_000);
});

const isRerun = (batch: number): boolean => batch % 3 === 0;

/** A file with its listeners at each gateway, and its messages: growing lists, batches run again, repeats. */
async function fileOf(number: number, redisUrl: string, urls: readonly string[]) {
  const fileId = `f${number}`;
  const batchIds = Array.from({ length: BATCHES }, (_, batch) => `${fileId}/b${batch}`);
  const messages = batchIds.flatMap((batchId, batch): Message[] => {
    const run = (flavour: number, end: Run['end']): Run => {
      const step = 2 + (mixed(SEED, number, batch, flavour) % 4);
      return { step, holes: [], flavour, end };
    };
    const runs = [run(0, 'complete'), ...(isRerun(batch) ? [run(1, 'dies')] : [])];
    const plan = { size: 8, isSizeKnown: true, runs, inTurn: false, order: 'shuffled' as const };
    return messagesOf(batchId, plan, { seed: mixed(SEED, number, batch), loses: 0, repeats: 4 });
  });
  return {
    oracle: new Oracle(fileId),
    growing: new Set(batchIds.filter((_, batch) => !isRerun(batch))),
    messages,
    list: { batches: batchIds.map((batchId) => ({ batchId, totalEmails: 8 })) },
    mirror: await Mirror.of(redisUrl, fileId),
    rooms: await Promise.all(urls.map((url) => openRoom(url, fileId))),
    listeners: await Promise.all(
      urls.map((url) => new StrictListener(fileId, { emailsPerEvent: 6 }).join(url)),
    ),
  };
}

/** The messages that this gateway has handled, whatever the outcome. */
async function messagesAt(url: string, inlet: string): Promise<number> {
  const text = await new Producer(url).text('/metrics');
  const outcomes = '(?:applied|unchanged|held|superseded|conflated)';
  const line = new RegExp(
    `^verigate_inlet_messages_total\\{inlet="${inlet}",outcome="${outcomes}"\\} (\\d+)`,
    'gm',
  );
  return [...text.matchAll(line)].reduce((sum, [, count]) => sum + Number(count), 0);
}
