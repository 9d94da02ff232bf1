import { expect, it } from '@jest/globals';
import { resultsKey } from '../../src/inlet/redis/validator-results.js';
import { batchOf } from '../contracts/store/harness.js';
import { Copy, engine } from '../pipeline/stage.js';
import { eventually } from '../support/eventually.js';
import { describeWithOwnRedis, plainClient } from '../support/redis-server.js';
import { onTeardown } from '../support/teardown.js';
import { addresses } from '../support/updates.js';
import {
  gatewayWithInlets,
  inletsOn,
  listening,
  MAX_UPDATE_BYTES,
  producerOn,
  progress,
  RecordingIntake,
  text,
} from './harness.js';

const far = () => Date.now() + 60_000;

describeWithOwnRedis('look-ups', (redis) => {
  it('find on the first connect what was published before', async () => {
    const server = await redis();
    const gateway = gatewayWithInlets(server, await engine());
    await gateway.register({ fileId: 'f1', batches: ['b1', 'b2', 'b3'] });
    await gateway.take({ batchId: 'b3', emails: ['a', 'b'], isComplete: true });
    const { announce, redis: client } = producerOn(server);
    await announce(progress('b1', 5));
    await announce(progress('b2', 3, true));
    await listening(gateway);
    await eventually('both are stored', async () => {
      const [b1, b2] = await gateway.store.files.batches('f1');
      return b1?.summary.processed === 5 && b2?.status === 'completed';
    });
    // A batch that has ended is not looked up.
    expect(await client.exists('verigate:look-up:b3')).toBe(0);
  });

  it.each(['cut', 'limit'] as const)('heal what was missed: %s', async (how) => {
    const server = await redis();
    const gateway = await listening(gatewayWithInlets(server, await engine()));
    await gateway.register({ fileId: 'f1', batches: ['b1', 'b2'] });
    const { announce, keep, cut, redis: client } = producerOn(server);
    await announce(progress('b1', 1));
    await eventually(
      'it is stored',
      async () => (await batchOf(gateway.store, 'f1', 'b1')).status === 'running',
    );
    // The key is there, and its message is lost.
    await keep(progress('b1', 7));
    await keep(progress('b2', 2));
    if (how === 'cut') await cut('verigate-inlet-subscriber');
    else {
      await client.config('SET', 'client-output-buffer-limit', 'pubsub 1mb 0 0');
      await client.publish('email_validation_results', 'x'.repeat(2 ** 21));
    }
    await eventually('both are whole', async () => {
      const [b1, b2] = await gateway.store.files.batches('f1');
      return b1?.summary.processed === 7 && b2?.summary.processed === 2;
    });
    await eventually('it is connected again', () => gateway.inlets.problems().length === 0);
  });

  it('go on past a key that holds no update but something of another type', async () => {
    const server = await redis();
    const gateway = gatewayWithInlets(server, await engine(), { stallAfterMs: 100 });
    await gateway.register({ fileId: 'f1', batches: ['b1'] });
    const { keep, redis: client } = producerOn(server);
    await client.rpush(resultsKey('b1'), 'x');
    await listening(gateway);
    await gateway.register({ fileId: 'f2', batches: ['b2'] });
    await gateway.pipeline.markStalled({ begunBefore: far(), queuedBefore: far() }, async () => undefined);
    await keep(progress('b2', 2, true));
    await eventually(
      'the next one is stored',
      async () => (await batchOf(gateway.store, 'f2', 'b2')).status === 'completed',
    );
    expect(await gateway.counted('look-up', 'unreadable')).toBeGreaterThan(0);
  });

  it('restore what was dropped because too many messages waited', async () => {
    const server = await redis();
    const behind = await engine();
    const maxInletBytes = 20_000;
    const gateway = await listening(gatewayWithInlets(server, behind, { maxInletBytes }));
    const batchIds = Array.from({ length: 12 }, (_, i) => `b${i}`);
    await gateway.register({ fileId: 'f1', batches: batchIds });
    const { keep, redis: client } = producerOn(server);
    const bodies = batchIds.flatMap((batchId) => [5, 20, 40].map((n) => progress(batchId, n, n === 40)));
    for (const body of bodies) await keep(body);
    // All at once, or there would be time to store them.
    const flood = client.multi();
    for (const body of bodies) flood.publish('email_validation_results', body);
    await flood.exec();
    await eventually('every batch is complete', async () => {
      const batches = await gateway.store.files.batches('f1');
      return batches.every(({ status, summary }) => status === 'completed' && summary.processed === 40);
    });
    expect(await gateway.counted('pubsub', 'overflow')).toBeGreaterThan(0);
  });

  it('begin where very many small messages come, which take more memory than they have bytes', async () => {
    const server = await redis();
    const intake = new RecordingIntake();
    let goOn = (): void => undefined;
    const isOver = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    intake.answer = () => isOver;
    const maxInletBytes = 64 * 1024;
    const { counted } = await listening(inletsOn(server, intake, { maxInletBytes }));
    onTeardown(async () => goOn());
    const { redis: client } = producerOn(server);
    const flood = client.multi();
    for (let n = 0; n < 1_000; n++) flood.publish('email_validation_results', '');
    await flood.exec();
    await eventually('most are dropped', async () => (await counted('pubsub', 'overflow')) > 900);
  });

  it('are made by one of several gateways', async () => {
    const server = await redis();
    const batchIds = Array.from({ length: 450 }, (_, i) => `b${i}`);
    const store = {
      incompleteBatches: async ({ limit, after }: { limit: number; after: string | null }) => {
        const from = Number(after ?? 0);
        const some = batchIds.slice(from, from + limit);
        const batches = some.map((batchId) => ({ fileId: 'f1', batchId, status: 'running' as const }));
        return { batches, next: from + limit < batchIds.length ? String(from + limit) : null };
      },
    };
    const { keep } = producerOn(server);
    await Promise.all(batchIds.map((batchId) => keep(progress(batchId, 1))));
    const intakes = [new RecordingIntake(), new RecordingIntake()];
    // The second begins after the first: what it missed until then, the first one may have missed as well.
    const [one, other] = intakes.map((intake) => inletsOn(server, intake, { updates: store, spreadMs: 300 }));
    one?.inlets.start();
    other?.inlets.start();
    const taken = () => intakes.flatMap((intake) => intake.taken);
    await eventually('each is looked up', () => new Set(taken()).size === batchIds.length);
    await Promise.all([one?.inlets.close(), other?.inlets.close()]);
    // A few may be read twice, by a gateway that connected after the other one had read them.
    expect(taken().length).toBeLessThan(1.9 * batchIds.length);
  });

  it('find missed updates before a stall is announced, and leave a stall for which they find none', async () => {
    const server = await redis();
    const gateway = await listening(gatewayWithInlets(server, await engine()));
    await gateway.register({ fileId: 'f1', batches: ['b1', 'b2'] });
    const { announce, keep } = producerOn(server);
    await announce(progress('b1', 1));
    await announce(progress('b2', 4));
    await eventually('both have begun', async () =>
      (await gateway.store.files.batches('f1')).every(({ status }) => status === 'running'),
    );
    await keep(progress('b1', 3));
    await gateway.flusher.drain();
    const copy = await Copy.of(gateway, 'f1');
    onTeardown(() => gateway.flusher.drain());
    await gateway.pipeline.markStalled({ begunBefore: far(), queuedBefore: 0 }, gateway.inlets.lookUp);
    await gateway.flusher.drain();
    // The key of b2 has the update that is stored already, so b2 is still silent.
    expect((await batchOf(gateway.store, 'f1', 'b2')).status).toBe('stalled');
    expect(await batchOf(gateway.store, 'f1', 'b1')).toMatchObject({
      status: 'running',
      summary: { processed: 3 },
    });
    const stalled = copy.events
      .filter(({ feed }) => feed === 'stats')
      .map(({ payload }) => (JSON.parse(payload) as { batches: { stalled: number } }).batches.stalled);
    expect(Math.max(...stalled)).toBe(1);
    expect(stalled.at(-1)).toBe(1);
  });

  it('find nothing any more of a file that is deleted', async () => {
    const server = await redis();
    const { inlets } = gatewayWithInlets(server, await engine());
    const { keep } = producerOn(server);
    const client = plainClient(server.url);
    for (const batchId of ['b1', 'b2', 'b10']) await keep(progress(batchId, 2));
    await inlets.deleteValidatorResults(['b1', 'b2', 'never heard of']);
    expect(await client.keys('validation_results:*')).toEqual(['validation_results:b10']);
    await server.kill();
    await expect(inlets.deleteValidatorResults(['b10'])).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('do not keep a stall from being announced when they fail', async () => {
    const server = await redis();
    const gateway = gatewayWithInlets(server, await engine());
    await gateway.register({ fileId: 'f1', batches: ['b1'] });
    const copy = await Copy.of(gateway, 'f1');
    await gateway.pipeline.markStalled({ begunBefore: far(), queuedBefore: far() }, async () => {
      throw new Error('no look-up');
    });
    await gateway.flusher.drain();
    expect(copy.stats?.batches.stalled).toBe(1);
    await server.kill();
    await gateway.take({ batchId: 'b1', emails: ['a'] });
    await gateway.pipeline.markStalled({ begunBefore: far(), queuedBefore: 0 }, gateway.inlets.lookUp);
    await gateway.flusher.drain();
    expect(copy.stats?.batches.stalled).toBe(1);
  });

  it('look again at what is stalled', async () => {
    const server = await redis();
    const gateway = await listening(gatewayWithInlets(server, await engine(), { stallAfterMs: 100 }));
    await gateway.register({ fileId: 'f1', batches: ['b1'] });
    await gateway.pipeline.markStalled({ begunBefore: far(), queuedBefore: far() }, gateway.inlets.lookUp);
    expect((await batchOf(gateway.store, 'f1', 'b1')).status).toBe('stalled');
    await producerOn(server).keep(progress('b1', 2));
    await eventually(
      'it goes on',
      async () => (await batchOf(gateway.store, 'f1', 'b1')).status === 'running',
    );
  });

  it('pass over what is too large or cannot be read', async () => {
    const server = await redis();
    const gateway = gatewayWithInlets(server, await engine());
    await gateway.register({ fileId: 'f1', batches: ['b1', 'b2', 'b3'] });
    const { redis: client, keep } = producerOn(server);
    await client.set('validation_results:b1', progress('b1', 1).padEnd(MAX_UPDATE_BYTES + 1));
    await client.set('validation_results:b2', 'nonsense');
    await keep(text({ batchId: 'b3', emails: addresses(2) }));
    await listening(gateway);
    await eventually(
      'the third is stored',
      async () => (await batchOf(gateway.store, 'f1', 'b3')).status === 'running',
    );
    await eventually('all are looked at', async () => (await gateway.counted('look-up', 'unreadable')) === 1);
    expect(await gateway.counted('look-up', 'too_large')).toBe(1);
    expect(gateway.deadLetters.added).toEqual([]);
  });
});
