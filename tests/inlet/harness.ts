import type { Claimant } from '../../src/domain/ownership.js';
import type { Inlet } from '../../src/inlet/inlet.js';
import { Intake } from '../../src/inlet/intake.js';
import { CHANNEL } from '../../src/inlet/redis/pubsub-inlet.js';
import { createRedisInlets, type RedisInletsOptions } from '../../src/inlet/redis/redis-inlets.js';
import { GROUP, STREAM } from '../../src/inlet/redis/stream-group.js';
import { resultsKey } from '../../src/inlet/redis/validator-results.js';
import { textOf, UpdateReader } from '../../src/inlet/update-reader.js';
import { createLogger } from '../../src/logger.js';
import { createMetrics } from '../../src/metrics.js';
import { Conflator } from '../../src/pipeline/conflator.js';
import type { DeadLetter, NewDeadLetter } from '../../src/store/dead-letters.js';
import { type Engine, gatewayOn } from '../pipeline/stage.js';
import { eventually } from '../support/eventually.js';
import { plainClient, type RedisServer } from '../support/redis-server.js';
import { streamFor } from '../support/streams.js';
import { onTeardown } from '../support/teardown.js';
import { addresses, type Message, updateMessage } from '../support/updates.js';

export const MAX_UPDATE_BYTES = 64 * 1024;

/** Dead letters that were added; the first attempts fail where a test wants them to. */
export class DeadLetters {
  readonly added: Pick<DeadLetter, 'inlet' | 'reason' | 'payload'>[] = [];
  failures = 0;

  async add({ payload, ...letter }: NewDeadLetter): Promise<void> {
    if (this.failures-- > 0) throw new Error('no room');
    this.added.push({ ...letter, payload: typeof payload === 'string' ? payload : textOf(payload) });
  }

  /** The reason of each, by its payload. */
  get reasons(): Record<string, string> {
    return Object.fromEntries(this.added.map(({ payload, reason }) => [payload, reason]));
  }
}

/** An intake that records its updates, and answers as a test wants it to. */
export class RecordingIntake implements Pick<Intake, 'update'> {
  readonly taken: string[] = [];
  /** Called before an update is recorded; may fail or wait. */
  answer: (text: string, isFound: boolean) => Promise<void> = async () => undefined;

  async update(bytes: Uint8Array, _sender: Claimant, isFound = false): Promise<'applied'> {
    const text = Buffer.from(bytes).toString();
    await this.answer(text, isFound);
    this.taken.push(text);
    return 'applied';
  }
}

type Options = Partial<RedisInletsOptions>;

/** The inlets of one gateway in front of an intake, closed after the test. */
export function inletsOn(server: RedisServer, intake: Pick<Intake, 'update'>, options: Options = {}) {
  const metrics = createMetrics();
  const deadLetters = new DeadLetters();
  const { url } = server;
  const inlets = createRedisInlets({
    redis: url,
    prefix: 'verigate:',
    intake,
    updates: { incompleteBatches: async () => ({ batches: [], next: null }) },
    deadLetters,
    logger: createLogger('silent'),
    metrics,
    maxUpdateBytes: MAX_UPDATE_BYTES,
    maxInletBytes: 2 ** 24,
    maxDeliveries: 5,
    claimTtlMs: 60_000,
    streamIdleMs: 30_000,
    streamShards: 1,
    stallAfterMs: 120_000,
    spreadMs: 0,
    ...options,
  });
  onTeardown(() => inlets.close());
  const counted = async (inlet: string, outcome: string) => {
    const { values } = await metrics.inletMessages.get();
    const found = values.find(({ labels }) => labels.inlet === inlet && labels.outcome === outcome);
    return found?.value ?? 0;
  };
  return {
    inlets,
    deadLetters,
    metrics,
    counted,
  };
}

/** Starts the inlets and waits until they are connected. */
export async function listening<T extends { inlets: Inlet }>(gateway: T): Promise<T> {
  gateway.inlets.start();
  await eventually('the inlets have their connections', () => gateway.inlets.problems().length === 0);
  return gateway;
}

/** The inlets and the pipeline of one gateway, on a store that other gateways may share. */
export function gatewayWithInlets(server: RedisServer, engine: Engine, options: Options = {}) {
  const gateway = gatewayOn(engine);
  const conflator = new Conflator(
    (update, sender) => gateway.pipeline.handle(update, sender),
    2 ** 26,
    gateway.metrics,
  );
  const intake = new Intake(gateway.pipeline, conflator, new UpdateReader(2 ** 23), MAX_UPDATE_BYTES);
  return { ...gateway, intake, ...inletsOn(server, intake, { updates: engine.store.updates, ...options }) };
}

export const text = (content: Message): string => JSON.stringify(updateMessage(content));

/** A message about a batch with so many results. */
export const progress = (batchId: string, results: number, isComplete = false): string =>
  text({ batchId, emails: addresses(results, batchId), isComplete });

/** The validator's side of Redis. */
export function producerOn({ url }: RedisServer) {
  const redis = plainClient(url);
  const keep = (body: string) => redis.set(resultsKey((JSON.parse(body) as Message).batchId), body);
  return {
    redis,
    publish: (body: string | Buffer) => redis.publish(CHANNEL, body),
    /** As the validator does it: the key first. */
    async announce(body: string) {
      await keep(body);
      await redis.publish(CHANNEL, body);
    },
    keep,
    add: (body: string | Buffer) => redis.xadd(STREAM, '*', 'data', body),
    /** As a producer does it that splits its updates. */
    addSplit: (body: string, shards: number) =>
      redis.xadd(streamFor((JSON.parse(body) as Message).batchId, shards), '*', 'data', body),
    pending: async () => {
      const [count] = (await redis.xpending(STREAM, GROUP)) as [number];
      return count;
    },
    length: () => redis.xlen(STREAM),
    /** Cuts connections by their name, as an operator would. */
    async cut(name: string) {
      const lines = ((await redis.client('LIST')) as string).split('\n');
      for (const line of lines) {
        if (!line.includes(` name=${name} `)) continue;
        await redis.client('KILL', 'ID', Number(/^id=(\d+)/.exec(line)?.[1]));
      }
    },
  };
}
