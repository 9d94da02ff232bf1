/** Addresses that a test puts wherever a gateway keeps some, and the search for what is left of them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import type { ClusterEnv } from './cluster.js';
import { withDatabase } from './mongo-server.js';
import { message, Producer } from './producer.js';
import { plainClient } from './redis-server.js';
import { plainResults } from './results.js';
import { ask } from './slice-validator.js';
import { retry } from './wait.js';

/** Files of a directory that hold the text, those in folders of it as well. */
export const tracesInDirectory = (directory: string, canary: string): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).includes(canary));

/** Keys of Redis and collections of MongoDB that hold it. */
export async function tracesInCluster(
  { REDIS_URL, MONGODB_URI }: Pick<ClusterEnv, 'REDIS_URL' | 'MONGODB_URI'>,
  canary: string,
): Promise<string[]> {
  const redis = plainClient(REDIS_URL);
  const found: string[] = [];
  for (const key of await redis.keys('*')) {
    const dump =
      (await redis.type(key)) === 'stream'
        ? JSON.stringify(await redis.xrange(key, '-', '+'))
        : (await redis.type(key)) === 'hash'
          ? JSON.stringify(await redis.hgetall(key))
          : String(await redis.dump(key));
    if (`${key}${dump}`.includes(canary)) found.push(key);
  }
  await withDatabase(MONGODB_URI, async (database) => {
    for (const { name } of await database.listCollections().toArray()) {
      // The chunks of a list are bytes, which JSON would encode.
      for await (const { bytes, ...rest } of database.collection(name).find())
        if (`${JSON.stringify(rest)}${bytes}`.includes(canary) && !found.includes(name)) found.push(name);
    }
  });
  return found;
}

/** The files that `plant` leaves ended. */
export const ENDED = ['done', 'failed', 'listed', 'replaced'];

/**
 * Ended files of each kind, a replaced request, a held update, a list that no file uses, and one whose slices the validator has
 * accepted. The gateway has a validator that accepts everything (`sliceValidator`).
 */
export async function plant(url: string, canary: string): Promise<void> {
  const producer = new Producer(url);
  const complete = (batchId: string, name: string, more: object = {}) =>
    producer.update(message(batchId, plainResults(`${name}-${canary}`, 12), { isComplete: true, ...more }));
  await complete('done', 'done', { fileId: 'done' });
  expect((await producer.get('/api/files/done/breakdown?by=domain')).body).toMatchObject({ complete: true });
  await producer.register('failed', { batches: [{ batchId: 'failed' }, { batchId: 'failed too' }] });
  await complete('failed', 'failed');
  const reason = { reason: `gave up on ${canary}` };
  expect((await producer.call('POST', '/api/files/failed/batches/failed%20too/fail', reason)).status).toBe(
    200,
  );
  await complete('old', 'old', { fileId: 'replaced', requestId: 'r1' });
  await producer.register('replaced', { requestId: 'r2', batches: [{ batchId: 'new' }] });
  await complete('new', 'new');
  await complete('nobody’s', 'held');

  const rows = Array.from({ length: 12 }, (_, n) => `${canary}${n}@x.com;${canary}`).join('\n');
  const upload = () => ask(url, 'POST', `/lists?name=${canary}.csv`, `mail;note\n${rows}`);
  expect((await upload()).status).toBe(201);
  const { listId } = (await upload()).json;
  expect((await ask(url, 'POST', '/files/listed/validations', { listId })).status).toBe(202);
  const batchIds = await retry(async () => {
    const { items } = (await producer.get('/api/files/listed/batches')).body;
    expect(items).toHaveLength(4);
    return (items as { batchId: string }[]).map(({ batchId }) => batchId);
  });
  for (const batchId of batchIds) await complete(batchId, 'listed');
}
