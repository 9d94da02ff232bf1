import { expect, it } from '@jest/globals';
import { Fault } from '../../src/errors.js';
import { engine } from '../pipeline/stage.js';
import { eventually } from '../support/eventually.js';
import { describeWithOwnRedis } from '../support/redis-server.js';
import { onTeardown } from '../support/teardown.js';
import {
  gatewayWithInlets,
  inletsOn,
  listening,
  MAX_UPDATE_BYTES,
  producerOn,
  progress,
  RecordingIntake,
} from './harness.js';

const LAST = progress('last', 1);

describeWithOwnRedis('the Pub/Sub inlet', (redis) => {
  it('takes in what is published, each message by one gateway', async () => {
    const server = await redis();
    const [a, b] = [new RecordingIntake(), new RecordingIntake()];
    const one = await listening(inletsOn(server, a));
    const other = await listening(inletsOn(server, b));
    const { publish, redis: producer } = producerOn(server);
    await producer.config('RESETSTAT');
    const bodies = Array.from({ length: 300 }, (_, i) => progress(`b${i % 7}`, 1 + i));
    for (const body of bodies) await publish(body);
    // A gateway that has counted as many messages as were published has received the last one.
    await eventually('both have handled all', async () => {
      const seen = [one, other].map(
        async ({ counted }) => (await counted('pubsub', 'skipped')) + (await counted('pubsub', 'applied')),
      );
      return (await Promise.all(seen)).every((count) => count === bodies.length);
    });
    expect([...a.taken, ...b.taken].sort()).toEqual([...bodies].sort());
    expect(await other.counted('pubsub', 'skipped')).toBe(a.taken.length);
    // A message that is another gateway's to handle costs one SET, whatever is in it. Connections introduce themselves
    // when they like, so other commands may be called now and then, but none of them message by message.
    const stats = await producer.info('commandstats');
    const calls = [...stats.matchAll(/cmdstat_(\S+?):calls=(\d+)/g)].map(
      ([, name, count]) => [name ?? '', Number(count)] as const,
    );
    const perMessage = calls.filter(([, count]) => count >= bodies.length / 10);
    expect(Object.fromEntries(perMessage)).toEqual({ set: 2 * bodies.length, publish: bodies.length });
  });

  it('takes the same bytes published again for another message', async () => {
    const server = await redis();
    const intakes = [new RecordingIntake(), new RecordingIntake()];
    for (const intake of intakes) await listening(inletsOn(server, intake));
    const { publish } = producerOn(server);
    for (let i = 0; i < 3; i++) await publish(progress('b1', 1));
    await publish(LAST);
    const taken = () => intakes.flatMap((intake) => intake.taken);
    await eventually('all are taken', () => taken().length === 4);
    expect(taken().filter((body) => body === LAST)).toHaveLength(1);
  });

  it('stores what it takes in', async () => {
    const server = await redis();
    const gateway = await listening(gatewayWithInlets(server, await engine()));
    await gateway.register({ fileId: 'f1', batches: ['b1'] });
    const { publish } = producerOn(server);
    for (const count of [3, 1, 2]) await publish(progress('b1', count));
    await publish(progress('b1', 4, true));
    await eventually('it is complete', async () => {
      const [batch] = await gateway.store.files.batches('f1');
      return batch?.status === 'completed' && batch.summary.processed === 4;
    });
  });

  it('stores unreadable messages as dead letters, with a reason that has none of their data', async () => {
    const server = await redis();
    const engineOf = await engine();
    const gateway = await listening(gatewayWithInlets(server, engineOf));
    const { publish } = producerOn(server);
    const deep = `{"batchId":"b1","isComplete":false,"totalEmails":1,"processedCount":1,"validatedEmails":[{"email":"a","details":${'['.repeat(20_000)}${']'.repeat(20_000)}}]}`;
    const secret = 'jane@example.com';
    const bad: Record<string, RegExp> = {
      '': /JSON/,
      null: /object/,
      '[]': /object/,
      '{}': /batchId/,
      [`{"batchId":"${secret}"}`]: /isComplete.*totalEmails/,
      [secret]: /JSON/,
      [deep]: /nested/,
      [progress('b1', 1).replace('"email"', '"mail"')]: /validatedEmails\[0\]/,
      [progress('b1', 1).padEnd(MAX_UPDATE_BYTES + 1)]: /bytes/,
    };
    for (const body of Object.keys(bad)) await publish(body);
    await publish(Buffer.from([0xff, 0xfe, 0x80]));
    await publish(LAST);
    await eventually('the last is held', async () => (await gateway.counted('pubsub', 'held')) === 1);
    const { reasons, added } = gateway.deadLetters;
    expect(Object.keys(reasons).sort()).toEqual([...Object.keys(bad), '\ufffd'.repeat(3)].sort());
    for (const [body, reason] of Object.entries(bad)) expect(reasons[body]).toMatch(reason);
    for (const { inlet, reason } of added) {
      expect(inlet).toBe('pubsub');
      expect(reason).not.toContain('jane');
    }
    expect(await gateway.counted('pubsub', 'dead_letter')).toBe(added.length);
  });

  it('tries again to store a dead letter', async () => {
    const server = await redis();
    const gateway = await listening(gatewayWithInlets(server, await engine()));
    gateway.deadLetters.failures = 3;
    const { publish } = producerOn(server);
    await publish('nonsense');
    await eventually('it is a dead letter', () => gateway.deadLetters.added.length === 1);
    await publish(LAST);
    await eventually('the last is held', async () => (await gateway.counted('pubsub', 'held')) === 1);
    expect(gateway.deadLetters.reasons).toEqual({ nonsense: expect.stringMatching(/JSON/) });
  });

  it('keeps the newest of each batch while the store is away', async () => {
    const server = await redis();
    const intake = new RecordingIntake();
    let isAway = true;
    let tries = 0;
    intake.answer = async () => {
      tries++;
      if (isAway) throw new Fault('unavailable');
    };
    const { inlets, counted } = await listening(inletsOn(server, intake));
    const { publish } = producerOn(server);
    for (let count = 1; count <= 50; count++) {
      await publish(progress('b1', count));
      await publish(progress('b2', 51 - count, count === 1));
    }
    await eventually('98 of 100 are needless', async () => (await counted('pubsub', 'conflated')) === 98);
    // Most messages wait without an attempt of their own.
    expect(tries).toBeLessThan(50);
    isAway = false;
    await eventually('both are stored', () => intake.taken.length === 2);
    expect(intake.taken.sort()).toEqual([progress('b1', 50), progress('b2', 50, true)]);
    await publish(LAST);
    await eventually('the last is stored', () => intake.taken.length === 3);
    await inlets.close();
    expect(intake.taken).toHaveLength(3);
  });

  it('stores a message that fails again and again as a dead letter', async () => {
    const server = await redis();
    const intake = new RecordingIntake();
    intake.answer = async (text) => {
      if (text !== LAST) throw new Error(`a bug with ${text}`);
    };
    const { deadLetters } = await listening(inletsOn(server, intake, { maxDeliveries: 3 }));
    const { publish } = producerOn(server);
    await publish(progress('b1', 1));
    await publish(LAST);
    await eventually('it is a dead letter', () => deadLetters.added.length === 1);
    expect(deadLetters.reasons).toEqual({ [progress('b1', 1)]: 'could not be stored in 3 tries' });
    expect(intake.taken).toEqual([LAST]);
  });

  it('loses nothing when Redis does not answer a claim', async () => {
    const server = await redis({ persistent: true });
    const intake = new RecordingIntake();
    await listening(inletsOn(server, intake, { timeoutMs: 300 }));
    const { publish, redis: client } = producerOn(server);
    // In one step: the message is on its way, and no claim is answered for a while.
    const pause = client.multi().publish('email_validation_results', progress('b1', 1));
    await pause.client('PAUSE', 900, 'WRITE').exec();
    await eventually('it is taken in', () => intake.taken.length === 1);
    await publish(LAST);
    await eventually('the last is taken in', () => intake.taken.length === 2);
    expect(intake.taken).toEqual([progress('b1', 1), LAST]);
  });

  it('stores what it has taken before it is closed, and takes no more', async () => {
    const server = await redis();
    const intake = new RecordingIntake();
    let finish = (): void => undefined;
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let begun = 0;
    intake.answer = async () => {
      begun++;
      await finished;
    };
    const { inlets } = await listening(inletsOn(server, intake));
    onTeardown(() => finish());
    const { publish } = producerOn(server);
    await publish(progress('b1', 1));
    await eventually('it has begun', () => begun === 1);
    let isClosed = false;
    const closing = inlets.close().then(() => {
      isClosed = true;
    });
    await eventually('the gateway has unsubscribed', async () => (await publish(LAST)) === 0);
    expect(isClosed).toBe(false);
    finish();
    await closing;
    expect(intake.taken).toEqual([progress('b1', 1)]);
    await inlets.close();
    expect(inlets.problems()).toEqual(['redis']);
  });
});
