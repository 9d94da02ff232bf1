import { expect, test } from '@jest/globals';
import { startGateways } from '../support/cluster.js';
import { effort } from '../support/effort.js';
import { StrictListener } from '../support/listener.js';
import { expectNoHole, expectSaidOnce, Mirror, openRoom } from '../support/mirror.js';
import { Oracle } from '../support/oracle.js';
import { describeWithOwnServers } from '../support/own-cluster.js';
import { PatientProducer } from '../support/patient.js';
import { inParallel, type Message, Producer, pathOf } from '../support/producer.js';
import { mixed } from '../support/results.js';
import { messagesOf, type Run, shuffled } from '../support/scenario.js';
import { eventually } from '../support/wait.js';
import { expectWhole, untilMissing } from '../support/wholeness.js';
import { wiresOn } from '../support/wires.js';

const FILES = effort(5, 20);
const BATCHES = 10;
const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);
/** How a message goes: over one of the two, or over both. */
const WAYS = [['pubsub'], ['pubsub'], ['stream'], ['stream'], ['pubsub', 'stream']] as const;
/** A busy machine takes its time. */
const LONG_MS = 60_000;
/** The same bytes again are counted within this time: it must not run out on one gateway and not on another. */
const LONG_CLAIMS_MS = '600000';

describeWithOwnServers('three gateways on Pub/Sub and Stream', (start) => {
  test(`take in each update once, whatever the order (CHAOS_SEED=${SEED})`, async () => {
    const { env } = await start();
    const urls = (
      await startGateways(3, { ...env, EMAILS_PER_EVENT: '6', CLAIM_TTL_MS: LONG_CLAIMS_MS })
    ).map(({ url }) => url);
    await Promise.all(urls.map((url) => untilMissing(url)));
    const files = await Promise.all(
      Array.from({ length: FILES }, async (_, number) => fileOf(number, env.REDIS_URL, urls)),
    );

    const producer = new PatientProducer(() => urls);
    const wires = wiresOn(env.REDIS_URL);
    const answered: (() => void)[] = [];
    const sent = { pubsub: 0, stream: 0 };
    const sends = files.flatMap(({ oracle, messages }) =>
      messages.map((news, number) => async () => {
        answered.push(oracle.sending(news));
        for (const way of WAYS[mixed(SEED, number, 5) % WAYS.length] ?? []) {
          sent[way]++;
          await wires[way](news);
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
      await expectWhole(urls, oracle, listeners, LONG_MS);
    }
    for (const { mirror, rooms, growing } of files) {
      expectNoHole(mirror.heard);
      expectSaidOnce(mirror.heard, growing);
      for (const room of rooms) {
        await eventually(async () => expect(room()).toEqual(mirror.heard));
      }
    }
    // Each message was one gateway's to handle, and the others left it alone.
    const handled = async (inlet: string) => {
      const counts = await Promise.all(urls.map((url) => messagesAt(url, inlet)));
      return counts.reduce((sum, count) => sum + count, 0);
    };
    await eventually(async () =>
      expect({ pubsub: await handled('pubsub'), stream: await handled('stream') }).toEqual(sent),
    );
  }, 180_000);
});

const isRerun = (batch: number): boolean => batch % 3 === 0;

/** One file with its listeners on each gateway, and what is to be sent of it: lists that grow, reruns, repeats. */
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

/** Messages that the gateway has handled itself, whatever became of them. */
async function messagesAt(url: string, inlet: string): Promise<number> {
  const text = await new Producer(url).text('/metrics');
  const outcomes = '(?:applied|unchanged|held|superseded|conflated)';
  const line = new RegExp(
    `^verigate_inlet_messages_total\\{inlet="${inlet}",outcome="${outcomes}"\\} (\\d+)`,
    'gm',
  );
  return [...text.matchAll(line)].reduce((sum, [, count]) => sum + Number(count), 0);
}
