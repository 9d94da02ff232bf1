import { expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { type Faults, NO_FAULTS, type ValidatorOptions } from '../../demo/validator/options.js';
import { describeWithOwnRedis, plainClient, type RedisServer } from '../support/redis-server.js';
import { retry, Signal } from '../support/wait.js';
import { addresses, Caller, FLAGS } from './caller.js';
import { counts, type Message } from './receiver.js';

const CHANNEL = 'email_validation_results';

const startCaller = (url: string, options: Partial<ValidatorOptions> = {}, isStream = false) =>
  Caller.start({ redis: { url, isStream, streamShards: 1 }, ...options });

/** Collects what is published, and what the batch's key held at that time. */
class Subscriber {
  readonly heard: { readonly text: string; readonly message: Message; readonly kept: string | null }[] = [];
  readonly #signal = new Signal();

  static async start(url: string): Promise<Subscriber> {
    const subscriber = new Subscriber();
    const [channel, reader] = [plainClient(url), plainClient(url)];
    channel.on('message', (_, text) => void subscriber.#hear(reader, text));
    await channel.subscribe(CHANNEL);
    return subscriber;
  }

  of(batchId: string): Message[] {
    return this.heard.map(({ message }) => message).filter((message) => message.batchId === batchId);
  }

  until(condition: () => boolean): Promise<void> {
    return this.#signal.until(condition, () => JSON.stringify(counts(this.heard.map((one) => one.message))));
  }

  async complete(batchIds: readonly string[]): Promise<void> {
    await this.until(() => batchIds.every((id) => this.of(id).some(({ isComplete }) => isComplete)));
  }

  async #hear(reader: Redis, text: string): Promise<void> {
    const message = JSON.parse(text) as Message;
    const kept = await reader.get(`validation_results:${message.batchId}`).catch(() => null);
    this.heard.push({ text, message, kept });
    this.#signal.changed();
  }
}

const isNotOlder = (kept: string | null, than: Message): boolean =>
  kept !== null && (JSON.parse(kept) as Message).processedCount >= than.processedCount;

describeWithOwnRedis('a validator that publishes on Redis', (start) => {
  test('stores each update at a key, for an hour, before it publishes it', async () => {
    const { url } = await start();
    const subscriber = await Subscriber.start(url);
    const caller = await startCaller(url);
    const { batchIds } = await caller.submit(addresses(20));
    await subscriber.complete(batchIds);
    for (const id of batchIds) {
      // As many messages as the real validator sends, however fast the validation is.
      expect(counts(subscriber.of(id))).toEqual(['5', '10', '10!']);
      const client = plainClient(url);
      const last = subscriber.heard.filter(({ message }) => message.batchId === id).at(-1);
      expect(await client.get(`validation_results:${id}`)).toBe(last?.text);
      expect(await client.ttl(`validation_results:${id}`)).toBeGreaterThan(3500);
    }
    expect(subscriber.heard.every(({ kept, message }) => isNotOlder(kept, message))).toBe(true);
  });

  test('names the request of a batch if the request has several', async () => {
    const { url } = await start();
    const client = plainClient(url);
    const caller = await startCaller(url);
    const { requestId, batchIds } = await caller.submit(addresses(11));
    expect(await client.mget(batchIds.map((id) => `batch_parent:${id}`))).toEqual([requestId, requestId]);
    expect(await client.ttl(`batch_parent:${batchIds[0]}`)).toBeGreaterThan(3500);
    const alone = await caller.submit(addresses(10));
    expect(await client.exists(`batch_parent:${alone.batchIds[0]}`)).toBe(0);
  });

  test('appends to the stream if that is requested', async () => {
    const { url } = await start();
    const client = plainClient(url);
    const subscriber = await Subscriber.start(url);
    const onStream = await startCaller(url, {}, true);
    const [batchId = ''] = (await onStream.submit(addresses(10))).batchIds;
    const texts = await entriesUntilComplete(client);
    expect(counts(texts.map((text) => JSON.parse(text) as Message))).toEqual(['5', '10', '10!']);
    expect(await client.get(`validation_results:${batchId}`)).toBe(texts.at(-1));
    // A barrier: this update is published later and has arrived, so nothing was published before it.
    const onChannel = await startCaller(url);
    await subscriber.complete((await onChannel.submit(addresses(2))).batchIds);
    expect(subscriber.of(batchId)).toEqual([]);
  });

  test.each<[string, Partial<Faults>, string[]]>([
    ['repeats', { repeat: 1 }, ['5', '5', '10', '10', '10!', '10!']],
    ['begins again', { restart: 1 }, ['5', '5', '10', '10!']],
    ['leaves a hole', { hole: 1 }, ['5', '9', '9!']],
    ['overtakes itself', { shuffle: 1 }, ['10', '5', '10!']],
  ])('%s as it does over HTTP', async (_, faults, expected) => {
    const { url } = await start();
    const subscriber = await Subscriber.start(url);
    const caller = await startCaller(url, { faults: { ...NO_FAULTS, ...faults } });
    const [batchId = ''] = (await caller.submit(addresses(10))).batchIds;
    await subscriber.until(() => subscriber.of(batchId).length >= expected.length);
    expect(counts(subscriber.of(batchId))).toEqual(expected);
  });

  test('waits while Redis is away, and logs it once', async () => {
    const server = await start();
    const log: string[] = [];
    const logged = new Signal();
    const caller = await startCaller(server.url, {
      workers: 4,
      log: (line) => {
        log.push(line);
        logged.changed();
      },
    });
    await server.kill();
    // The batches run, although the answer did not name them.
    const { status } = await caller.post({ emails: addresses(20), ...FLAGS });
    expect(status).toBe(500);
    await untilLogged(logged, log, 1);
    await server.startAgain();
    await untilLogged(logged, log, 2);
    expect(log).toEqual(['updates have to wait: Redis cannot be reached', 'updates are taken again']);
    const complete = await completeKeys(server);
    expect(complete.map(({ processedCount }) => processedCount)).toEqual([10, 10]);
  });

  test('closes while Redis is away', async () => {
    const server = await start();
    const caller = await startCaller(server.url);
    await server.kill();
    await caller.post({ emails: addresses(20), ...FLAGS });
    await caller.close();
  });
});

const untilLogged = (signal: Signal, log: readonly string[], lines: number) =>
  signal.until(
    () => log.length >= lines,
    () => JSON.stringify(log),
  );

async function entriesUntilComplete(client: Redis): Promise<string[]> {
  const texts: string[] = [];
  for (let from = '0'; !texts.at(-1)?.includes('"isComplete": true'); ) {
    const read = await client.xread('BLOCK', 10_000, 'STREAMS', `${CHANNEL}:stream`, from);
    const [, entries = []] = read?.[0] ?? [];
    if (entries.length === 0) throw new Error('the stream has no complete update');
    for (const [id, [field, text = '']] of entries) {
      expect(field).toBe('data');
      texts.push(text);
      from = id;
    }
  }
  return texts;
}

/** The stored updates, once all of them are complete. */
async function completeKeys(server: RedisServer): Promise<Message[]> {
  const client = plainClient(server.url);
  return retry(async () => {
    const texts = await client.mget(await client.keys('validation_results:*'));
    const messages = texts.map((text) => JSON.parse(text ?? '{}') as Message);
    if (messages.length < 2 || !messages.every(({ isComplete }) => isComplete))
      throw new Error(`not complete yet: ${counts(messages)}`);
    return messages;
  });
}
