import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { describeWithOwnServers } from '../support/cluster.js';
import { effort } from '../support/effort.js';
import { spawnGateway, temporaryDirectory } from '../support/gateway.js';
import { withDatabase } from '../support/mongo-server.js';
import { type Answer, message, Producer } from '../support/producer.js';
import { plainResults } from '../support/results.js';

/** The largest request has 100,000. What MongoDB's substitute takes for them depends on the machine, so it gets fewer. */
const MANY = { embedded: effort(12_000, 50_000), distributed: effort(2_000, 10_000) };
/** Long enough for a slow machine. */
const LONG_MS = 240_000;
/** Shorter than the answer says, so that the test sees the work go on. */
const COME_BACK_MS = effort(200, 500);
const RESULTS = plainResults('other', 2_000);

describe('on the embedded engine', () => {
  killedAndGoneOn(MANY.embedded, async () => ({ env: { DATA_DIR: temporaryDirectory() } }));
});

describeWithOwnServers('on MongoDB and Redis', (start) => {
  killedAndGoneOn(MANY.distributed, async () => {
    const { env } = await start();
    const left = () =>
      withDatabase(env.MONGODB_URI, (db) => db.collection('emailresults').countDocuments({ fileId: 'f' }));
    return { env, left };
  });
});

interface Engine {
  readonly env: Readonly<Record<string, string>>;
  /** Documents of the file's batches. */
  readonly left?: () => Promise<number>;
}

function killedAndGoneOn(many: number, start: () => Promise<Engine>): void {
  test(
    `${many} batches are registered after all when the gateway is killed, replaced and deleted, while others write`,
    async () => {
      const { env, left } = await start();
      const first = await spawnGateway(env);
      const registering = new Producer(first.url).register('f', request('r1', many)).catch(() => 'cut off');
      let before = 0;
      while (before === 0) before = await waiting(new Producer(first.url));
      await first.end('SIGKILL');
      expect(await registering).toBe('cut off');
      expect(before).toBeLessThan(many);

      const { url } = await spawnGateway({ ...env, ANSWER_WITHIN_MS: effort('20', '500') });
      const producer = new Producer(url);
      const kept = await waiting(producer);
      expect(kept).toBeGreaterThanOrEqual(before);
      expect(kept).toBeLessThan(many);
      const others = new Others(new Producer(url));

      const again = await untilAnswered(producer, 'POST', '/api/files/f/batches', request('r1', many));
      expect(again.answer).toMatchObject({ status: 201, body: { requestId: 'r1', status: 'pending' } });
      expect(again.answer.body.batchIds).toHaveLength(many);
      await expectMany(producer, many, 'r1');

      const replaced = await untilAnswered(producer, 'POST', '/api/files/f/batches', request('r2', many));
      expect(replaced.answer).toMatchObject({ status: 201, body: { requestId: 'r2', status: 'pending' } });
      await expectMany(producer, many, 'r2');

      const deleted = await untilAnswered(producer, 'DELETE', '/api/files/f');
      expect(deleted.answer.status).toBe(204);
      // None of these calls has to end within the time.
      expect(again.comeBack + replaced.comeBack + deleted.comeBack).toBeGreaterThan(0);
      expect((await producer.get('/api/files/f')).status).toBe(404);
      if (left !== undefined) expect(await left()).toBe(0);
      for (const batchId of ['r1-0', `r1-${many - 1}`, 'r2-0', `r2-${many - 1}`])
        expect(await producer.update(message(batchId, RESULTS, { upTo: 1 }))).toBe('superseded');
      expect(await others.stop()).toBeGreaterThan(3);
    },
    LONG_MS,
  );
}

const request = (requestId: string, many: number) => ({
  requestId,
  batches: Array.from({ length: many }, (_, number) => ({ batchId: `${requestId}-${number}` })),
});

async function waiting(producer: Producer): Promise<number> {
  const { status, body } = await producer.get('/api/files/f');
  return status === 200 ? (body.batches as { waiting: { count: number } }).waiting.count : 0;
}

async function expectMany(producer: Producer, many: number, requestId: string): Promise<void> {
  expect(await waiting(producer)).toBe(many);
  const stats = (await producer.get('/api/files/f/stats')).body;
  expect(stats).toMatchObject({ status: 'pending', batches: { total: many, completed: 0 } });
  const newest = (await producer.get('/api/files/f/batches?limit=1')).body;
  expect(newest).toMatchObject({ items: [{ batchId: `${requestId}-${many - 1}`, status: 'waiting' }] });
}

/** Does as the answer says: comes back while the work goes on. */
async function untilAnswered(producer: Producer, method: string, path: string, body?: unknown) {
  for (let comeBack = 0; ; comeBack++) {
    const answer: Answer = await producer.call(method, path, body);
    if (answer.status !== 503) return { answer, comeBack };
    expect(answer.body).toMatchObject({ code: 'unavailable' });
    await pause(COME_BACK_MS);
  }
}

/** Updates of another file, one after the other: each must be stored, and the next one is seen. */
class Others {
  #isStopping = false;
  readonly #done: Promise<number>;

  constructor(producer: Producer) {
    this.#done = this.#write(producer);
    this.#done.catch(() => undefined);
  }

  stop(): Promise<number> {
    this.#isStopping = true;
    return this.#done;
  }

  async #write(producer: Producer): Promise<number> {
    let written = 0;
    while (!this.#isStopping && written < RESULTS.length) {
      const update = message('other', RESULTS, { upTo: ++written, fileId: 'g' });
      expect(await producer.update(update)).toBe('applied');
      await pause(10);
    }
    const { body } = await producer.get('/api/files/g/stats');
    expect(body).toMatchObject({ progress: { processed: written } });
    return written;
  }
}
