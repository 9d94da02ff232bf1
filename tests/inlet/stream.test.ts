import { expect, it } from '@jest/globals';
import { Fault } from '../../src/errors.js';
import { GROUP, STREAM, streamsOf } from '../../src/inlet/redis/stream-group.js';
import { engine } from '../pipeline/stage.js';
import { eventually } from '../support/eventually.js';
import { describeWithOwnRedis, type RedisServer } from '../support/redis-server.js';
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

const MIB = 2 ** 20;

const LAST = progress('last', 1);

function gate() {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

/** A consumer that has taken all there is, and died. */
async function deadConsumer(server: RedisServer): Promise<void> {
  const { redis } = producerOn(server);
  await redis.xgroup('CREATE', STREAM, GROUP, '0', 'MKSTREAM').catch(() => undefined);
  await redis.xreadgroup('GROUP', GROUP, 'dead', 'COUNT', 100, 'STREAMS', STREAM, '>');
}

describeWithOwnRedis('the Stream inlet', (redis) => {
  it('takes in what is added, before and after its start, and leaves nothing behind', async () => {
    const server = await redis();
    const gateway = gatewayWithInlets(server, await engine());
    await gateway.register({ fileId: 'f1', batches: ['b1', 'b2'] });
    const { add, length, pending } = producerOn(server);
    await add(progress('b1', 3));
    await listening(gateway);
    await add(progress('b2', 2));
    await add(progress('b1', 5, true));
    await eventually('both are stored', async () => {
      const [b1, b2] = await gateway.store.files.batches('f1');
      return b1?.status === 'completed' && b2?.summary.processed === 2;
    });
    await eventually('nothing is left', async () => (await length()) === 0);
    expect(await pending()).toBe(0);
  });

  it('leaves entries to other groups that want them', async () => {
    const server = await redis();
    const intake = new RecordingIntake();
    const { redis: client, add, pending, length } = producerOn(server);
    await client.xgroup('CREATE', STREAM, 'archive', '0', 'MKSTREAM');
    await listening(inletsOn(server, intake));
    await add(progress('b1', 1));
    await eventually('it is stored', () => intake.taken.length === 1);
    await eventually('it is acknowledged', async () => (await pending()) === 0);
    expect(await length()).toBe(1);
  });

  it('acknowledges after the store has answered, not before', async () => {
    const server = await redis();
    const intake = new RecordingIntake();
    let finish = (): void => undefined;
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    onTeardown(() => finish());
    intake.answer = async (text) => {
      if (text !== LAST) await finished;
    };
    await listening(inletsOn(server, intake));
    const { add, pending } = producerOn(server);
    await add(progress('b1', 1));
    await add(LAST);
    await eventually('the last is through', async () => intake.taken.length === 1 && (await pending()) === 1);
    finish();
    await eventually('both are acknowledged', async () => (await pending()) === 0);
    expect(intake.taken).toEqual([LAST, progress('b1', 1)]);
  });

  it('is shared by several gateways', async () => {
    const server = await redis();
    const intakes = [new RecordingIntake(), new RecordingIntake()];
    for (const intake of intakes) await listening(inletsOn(server, intake));
    const { add, pending } = producerOn(server);
    const bodies = Array.from({ length: 200 }, (_, i) => progress(`b${i}`, 1));
    await Promise.all(bodies.map(add));
    await eventually('all are taken', () => intakes.flatMap(({ taken }) => taken).length === bodies.length);
    await eventually('all are acknowledged', async () => (await pending()) === 0);
    expect(intakes.flatMap(({ taken }) => taken).sort()).toEqual([...bodies].sort());
  });

  it('takes over what a dead gateway has left', async () => {
    const server = await redis();
    const { add, pending, redis: client } = producerOn(server);
    const bodies = Array.from({ length: 70 }, (_, i) => progress(`b${i}`, 1));
    for (const body of bodies) await add(body);
    await deadConsumer(server);
    const intake = new RecordingIntake();
    const { counted } = await listening(inletsOn(server, intake, { streamIdleMs: 100 }));
    await eventually('all are taken over', () => intake.taken.length === bodies.length);
    await eventually('all are acknowledged', async () => (await pending()) === 0);
    expect([...intake.taken].sort()).toEqual([...bodies].sort());
    expect(await counted('stream', 'taken_over')).toBe(bodies.length);
    // It has no pending entries and gives no sign.
    await eventually('the dead one is forgotten', async () => {
      const consumers = (await client.xinfo('CONSUMERS', STREAM, GROUP)) as unknown[][];
      return consumers.length === 1 && !consumers.flat().includes('dead');
    });
  });

  it('stores an entry that is delivered again and again as a dead letter', async () => {
    const server = await redis();
    const { add, redis: client, pending } = producerOn(server);
    const id = (await add(progress('b1', 1))) ?? '';
    await deadConsumer(server);
    const again = ['IDLE', 0, 'RETRYCOUNT', 3] as const;
    await client.call('xclaim', [STREAM, GROUP, 'dead', 0, id, ...again]);
    const intake = new RecordingIntake();
    const limits = { streamIdleMs: 100, maxDeliveries: 3 };
    const { deadLetters } = await listening(inletsOn(server, intake, limits));
    await eventually('it is a dead letter', () => deadLetters.added.length === 1);
    expect(deadLetters.added).toEqual([
      { inlet: 'stream', payload: progress('b1', 1), reason: 'was delivered 3 times and never stored' },
    ]);
    await eventually('it is acknowledged', async () => (await pending()) === 0);
    expect(intake.taken).toEqual([]);
  });

  it('stores entries without an update as dead letters, at once', async () => {
    const server = await redis();
    const gateway = await listening(gatewayWithInlets(server, await engine()));
    const { add, redis: client, pending } = producerOn(server);
    const bad: Record<string, RegExp> = {
      '': /JSON/,
      null: /object/,
      '[]': /object/,
      '{}': /batchId/,
      [progress('b1', 1).padEnd(MAX_UPDATE_BYTES + 1)]: /bytes/,
    };
    for (const body of Object.keys(bad)) await add(body);
    await add(Buffer.from([0xff, 0xfe]));
    await client.xadd(STREAM, '*', 'payload', 'x', 'kind', 'y');
    await client.xadd(STREAM, '*', 'data', '1', 'data', '2');
    await client.xadd(STREAM, '*', 'kind', 'update', 'data', LAST);
    await eventually('the last is held', async () => (await gateway.counted('stream', 'held')) === 1);
    await eventually('all are acknowledged', async () => (await pending()) === 0);
    const { reasons } = gateway.deadLetters;
    for (const [body, reason] of Object.entries(bad)) expect(reasons[body]).toMatch(reason);
    expect(reasons['\ufffd\ufffd']).toMatch(/JSON/);
    expect(reasons['[["payload","x"],["kind","y"]]']).toBe('data: is required');
    expect(reasons['[["data","1"],["data","2"]]']).toBe('data: must be there once');
    expect(gateway.deadLetters.added).toHaveLength(8);
  });

  it('reads no more of a large entry without an update than is kept of it', async () => {
    const server = await redis();
    const { redis: client } = producerOn(server);
    // Each of them is six characters in JSON.
    await client.xadd(STREAM, '*', 'a', '\u0001'.repeat(24 * MIB), 'b', 'c');
    await client.xadd(STREAM, '*', 'data', Buffer.alloc(24 * MIB, 0xff));
    const { deadLetters } = await listening(gatewayWithInlets(server, await engine()));
    await eventually('both are dead letters', () => deadLetters.added.length === 2);
    const [without, tooLarge] = deadLetters.added;
    expect(without?.reason).toBe('data: is required');
    expect(without?.payload).toHaveLength(6 * (8 * MIB - 4) + '[["a",""]]'.length);
    expect(tooLarge?.reason).toMatch(/may have 65536 bytes/);
  });

  it('reads no more large entries than fit, whatever came before them', async () => {
    const server = await redis();
    const { add, pending, length } = producerOn(server);
    const large = (number: number) => progress(`large ${number}`, 1).padEnd(MAX_UPDATE_BYTES);
    await Promise.all(Array.from({ length: 130 }, (_, number) => add(progress(`small ${number}`, 1))));
    await Promise.all(Array.from({ length: 40 }, (_, number) => add(large(number))));
    const intake = new RecordingIntake();
    const many = gate();
    let tried = 0;
    intake.answer = async (text) => {
      if (text.length < MAX_UPDATE_BYTES) return;
      tried++;
      await many.opened;
    };
    await listening(inletsOn(server, intake, { maxInletBytes: 3 * MAX_UPDATE_BYTES }));
    onTeardown(many.open);
    await eventually('large ones are read', () => tried >= 3);
    await eventually('the small ones are through', async () => (await length()) === 40);
    expect(await pending()).toBeLessThanOrEqual(4);
    many.open();
    await eventually('nothing is left', async () => (await length()) === 0);
    expect(intake.taken).toHaveLength(170);
  });

  it('keeps an entry pending until its dead letter is stored', async () => {
    const server = await redis();
    const { deadLetters } = await listening(gatewayWithInlets(server, await engine()));
    deadLetters.failures = 3;
    const { add, pending } = producerOn(server);
    await add('nonsense');
    await eventually('a try has failed', () => deadLetters.failures < 3);
    expect(await pending()).toBe(1);
    await eventually('it is a dead letter', () => deadLetters.added.length === 1);
    await eventually('it is acknowledged', async () => (await pending()) === 0);
  });

  it('keeps what it has and reads no more while the store is away', async () => {
    const server = await redis();
    const intakes = [new RecordingIntake(), new RecordingIntake()];
    const [intake, other] = intakes as [RecordingIntake, RecordingIntake];
    let isAway = true;
    let tries = 0;
    intake.answer = async () => {
      tries++;
      if (isAway) throw new Fault('unavailable');
    };
    await listening(inletsOn(server, intake, { streamIdleMs: 300 }));
    const { add, pending, length } = producerOn(server);
    await add(progress('b1', 1));
    await eventually('it is tried again', () => tries > 1);
    for (let i = 2; i < 20; i++) await add(progress(`b${i}`, 1));
    // Longer than the idle time: another gateway takes what was not read, and not what is still in progress.
    const until = tries + 6;
    await eventually('it is tried for long', () => tries >= until);
    expect(await pending()).toBeLessThanOrEqual(2);
    await listening(inletsOn(server, other, { streamIdleMs: 300 }));
    await eventually('the other takes the rest', () => other.taken.length >= 17);
    expect(other.taken).not.toContain(progress('b1', 1));
    isAway = false;
    await eventually('nothing is left', async () => (await length()) === 0);
    expect(intake.taken).toContain(progress('b1', 1));
    expect([...intake.taken, ...other.taken]).toHaveLength(19);
  });

  it('makes the group again when it is gone', async () => {
    const server = await redis();
    const intake = new RecordingIntake();
    await listening(inletsOn(server, intake));
    const { add, length, redis: client } = producerOn(server);
    // A group that begins anew would bring once more what is not acknowledged.
    const isThrough = async (body: string) => intake.taken.at(-1) === body && (await length()) === 0;
    await add(progress('b1', 1));
    await eventually('it is stored', () => isThrough(progress('b1', 1)));
    await client.xgroup('DESTROY', STREAM, GROUP);
    await add(progress('b2', 1));
    await eventually('it is stored as well', () => isThrough(progress('b2', 1)));
    await client.del(STREAM);
    await add(progress('b3', 1));
    await eventually('so is that', () => isThrough(progress('b3', 1)));
    expect(intake.taken).toHaveLength(3);
  });

  it('goes on when Redis was restarted empty', async () => {
    const server = await redis();
    const intake = new RecordingIntake();
    const { inlets } = await listening(inletsOn(server, intake));
    const { add, publish } = producerOn(server);
    await add(progress('b1', 1));
    await eventually('it is stored', () => intake.taken.length === 1);
    await server.kill();
    await eventually('it says so', () => inlets.problems().includes('redis'));
    await server.startAgain({ empty: true });
    await eventually('it is connected again', () => inlets.problems().length === 0);
    await add(progress('b2', 1));
    await publish(progress('b3', 1));
    await eventually('both are stored', () => intake.taken.length === 3);
  });

  it('finds entries again whose delivery was cut off', async () => {
    const server = await redis();
    const intake = new RecordingIntake();
    await listening(inletsOn(server, intake, { streamIdleMs: 60_000 }));
    const { add, cut, pending } = producerOn(server);
    for (let i = 0; i < 60; i++) {
      if (i % 6 === 0) void cut('verigate-inlet-reader').catch(() => undefined);
      await add(progress(`b${i}`, 1));
    }
    await eventually('all are stored', () => new Set(intake.taken).size === 60, 14_000);
    await eventually('all are acknowledged', async () => (await pending()) === 0);
  });

  it('drops entries that were trimmed while they were pending', async () => {
    const server = await redis();
    const { add, redis: client, pending } = producerOn(server);
    await add(progress('b1', 1));
    await add(progress('b2', 1));
    await deadConsumer(server);
    await client.xtrim(STREAM, 'MAXLEN', 1);
    const intake = new RecordingIntake();
    await listening(inletsOn(server, intake, { streamIdleMs: 100 }));
    await eventually('nothing is pending', async () => (await pending()) === 0);
    expect(intake.taken).toEqual([progress('b2', 1)]);
  });

  it('closes while it waits for entries, and leaves the group', async () => {
    const server = await redis();
    const { inlets } = await listening(inletsOn(server, new RecordingIntake()));
    const { redis: client } = producerOn(server);
    await inlets.close();
    expect(await client.xinfo('CONSUMERS', STREAM, GROUP)).toEqual([]);
  });

  it('takes in split Streams and the whole one, keeps the order of each batch, and says how far each is', async () => {
    const server = await redis();
    const intake = new RecordingIntake();
    const { redis: client, add, addSplit } = producerOn(server);
    const batches = Array.from({ length: 12 }, (_, number) => `b${number}`);
    for (let results = 1; results <= 4; results++)
      for (const batchId of batches) await addSplit(progress(batchId, results), 3);
    await add(LAST);
    const lengths = await Promise.all(streamsOf(3).map((stream) => client.xlen(stream)));
    expect(lengths.every((length) => length > 0)).toBe(true);
    const { inlets } = await listening(inletsOn(server, intake, { streamShards: 3 }));
    await eventually('all are taken in', () => intake.taken.length === 4 * batches.length + 1);
    for (const batchId of batches)
      expect(intake.taken.filter((text) => text.includes(`"${batchId}"`))).toEqual(
        [1, 2, 3, 4].map((results) => progress(batchId, results)),
      );
    await eventually('nothing is left in any', async () =>
      (await inlets.streamBacklogs()).every(({ lag, pending }) => lag === 0 && pending === 0),
    );
    expect((await inlets.streamBacklogs()).map(({ stream }) => stream)).toEqual([
      STREAM,
      ...[0, 1, 2].map((number) => `${STREAM}:${number}`),
    ]);
  });

  it('takes over what a dead gateway had of a split Stream', async () => {
    const server = await redis();
    const intake = new RecordingIntake();
    const { redis: client, addSplit } = producerOn(server);
    await addSplit(LAST, 2);
    for (const stream of streamsOf(2)) {
      await client.xgroup('CREATE', stream, GROUP, '0', 'MKSTREAM');
      await client.xreadgroup('GROUP', GROUP, 'dead', 'COUNT', 100, 'STREAMS', stream, '>');
    }
    await listening(inletsOn(server, intake, { streamShards: 2, streamIdleMs: 20 }));
    await eventually('it is taken over', () => intake.taken.length === 1);
    expect(intake.taken).toEqual([LAST]);
  });

  it('leaves to others what it could not store before it was closed', async () => {
    const server = await redis();
    const away = new RecordingIntake();
    let tries = 0;
    away.answer = async () => {
      tries++;
      throw new Fault('unavailable');
    };
    const { inlets } = await listening(inletsOn(server, away));
    const { add } = producerOn(server);
    await add(progress('b1', 1));
    await eventually('it is tried', () => tries > 0);
    await inlets.close();
    const intake = new RecordingIntake();
    await listening(inletsOn(server, intake, { streamIdleMs: 1_000 }));
    await eventually('another has it', () => intake.taken.length === 1);
  });
});
