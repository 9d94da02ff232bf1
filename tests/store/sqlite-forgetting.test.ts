import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { LIST_CHUNK_BYTES } from '../../src/store/lists.js';
import { Database } from '../../src/store/sqlite/database.js';
import { SqliteStore } from '../../src/store/sqlite-store.js';
import { fill, pageOf, register, save, scanned } from '../contracts/store/harness.js';
import { eventually } from '../support/eventually.js';
import { mixed } from '../support/results.js';
import { onTeardown, temporaryDirectory } from '../support/teardown.js';
import { addresses, entry } from '../support/updates.js';
import { LIMITS, MARK, marked, openStore, traces } from './directory.js';

/** Entries that hold the mark in every text that comes from outside, also in what JSON and SQL escape. */
const gone = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) =>
    entry(`"${marked(from + i)}\\\u0001'%`, {
      status: i % 3 ? 'risky' : 'unknown',
      reason: `=${MARK}\r\n"${MARK}`,
    }),
  );

it('leaves no byte of a deleted file, and everything of the files beside it', async () => {
  const directory = temporaryDirectory();
  const store = await openStore(directory);
  const batchIds = Array.from({ length: 24 }, (_, i) => `${i}`);
  for (const fileId of ['gone', 'kept', 'also kept']) {
    await register(store, { fileId, batches: batchIds.map((id) => `${id} of ${fileId}`) });
  }
  // The files grow side by side, so that they share the pages of every table and index.
  for (let count = 40; count <= 160; count += 40) {
    await Promise.all(
      batchIds.flatMap((id) => [
        save(store, { batchId: `${id} of gone`, emails: gone(count, Number(id) * 1_000) }),
        save(store, { batchId: `${id} of kept`, emails: addresses(count, `${id}-`) }),
        save(store, { batchId: `${id} of also kept`, emails: addresses(count, `z${id}-`) }),
      ]),
    );
  }
  expect(traces(directory)).not.toEqual([]);
  const before = await Promise.all(['kept', 'also kept'].map((fileId) => scanned(store, fileId)));
  expect(await store.files.remove('gone')).toBe(true);
  expect(traces(directory)).toEqual([]);
  expect(await Promise.all(['kept', 'also kept'].map((fileId) => scanned(store, fileId)))).toEqual(before);
  expect(before[0]).toHaveLength(24 * 160);
  const found = await pageOf(store, { fileId: 'kept', page: 1, limit: 500, email: '7-' });
  expect(found.total).toBe(160);
  await store.close();
  expect(traces(directory)).toEqual([]);
});

it('leaves no byte of the lists that were replaced before', async () => {
  const directory = temporaryDirectory();
  const store = await openStore(directory);
  await register(store, { fileId: 'gone', batches: ['b1', 'b2'] });
  await fill(store, 'kept', new Map([['k', addresses(500)]]));
  for (let run = 1; run <= 6; run++) {
    for (const batchId of ['b1', 'b2']) {
      await save(store, { batchId, emails: gone(400 - 30 * run, run * 1_000), processedCount: run });
      await save(store, { batchId: 'k', emails: addresses(500 + run), isComplete: true });
    }
  }
  await store.files.remove('gone');
  await eventually('what SQLite left between its cells is gone', () => traces(directory).length === 0);
  expect(await scanned(store, 'kept')).toHaveLength(506);
});

it('leaves no byte of a very long address, nor of why a batch failed', async () => {
  const directory = temporaryDirectory();
  const store = await openStore(directory);
  const long = `${MARK.repeat(200_000)}@example.com`;
  await fill(store, 'gone', new Map([['b1', [long, marked(1), 'x'.repeat(3_000) + MARK]]]));
  await register(store, { fileId: 'gone', batches: ['b2', 'b3'] });
  await store.updates.fail('gone', 'b2', `the worker choked on ${marked(2)}`);
  await save(store, { batchId: 'b3', emails: [], failed: true, error: marked(3) });
  await store.files.remove('gone');
  expect(traces(directory)).toEqual([]);
});

it('leaves no byte of the domains that were counted', async () => {
  const directory = temporaryDirectory();
  const store = await openStore(directory);
  for (const end of ['removed', 'replaced'] as const) {
    await fill(store, 'gone', new Map([[`b ${end}`, addresses(3)]]), end);
    const { facts, changes } = (await store.changes.since('gone', new Map())) ?? {};
    const ranking = JSON.stringify({ items: Array(500).fill(MARK) });
    const keep = () =>
      store.breakdowns.keep('gone', facts?.generation ?? '', changes ?? 0, {
        domain: ranking,
        provider: ranking,
      });
    await keep();
    expect(traces(directory)).not.toEqual([]);
    if (end === 'removed') await store.files.remove('gone');
    else await fill(store, 'gone', new Map([['another', addresses(3)]]), 'r2');
    await eventually('they are gone', () => traces(directory).length === 0);
    // It was counted until now.
    await keep();
    expect(traces(directory)).toEqual([]);
  }
});

it('leaves no byte of what was held for its batches', async () => {
  const directory = temporaryDirectory();
  const store = await openStore(directory);
  await save(store, { batchId: 'kept', emails: addresses(100) });
  for (let count = 50; count <= 300; count += 50) {
    for (const batchId of ['b1', 'b2']) await save(store, { batchId, emails: gone(count) });
  }
  expect(traces(directory)).not.toEqual([]);
  await register(store, { fileId: 'gone', batches: ['b1', 'b2'] });
  expect(await scanned(store, 'gone')).toHaveLength(600);
  await store.files.remove('gone');
  expect(traces(directory)).toEqual([]);
  await register(store, { fileId: 'other', batches: ['kept'] });
  expect(await scanned(store, 'other')).toHaveLength(100);
});

it('leaves no byte of a replaced request, before long', async () => {
  const directory = temporaryDirectory();
  const store = await openStore(directory);
  await fill(store, 'f1', new Map(addresses(50).map((id) => [id, gone(60)])), 'r1');
  await fill(store, 'f1', new Map([['b2', addresses(200)]]), 'r2');
  await eventually('the old request was cleaned away', () => traces(directory).length === 0);
  expect(await scanned(store, 'f1')).toHaveLength(200);
});

it('deletes a file with its replaced requests', async () => {
  const directory = temporaryDirectory();
  const store = await openStore(directory);
  for (const request of ['r1', 'r2', 'r3']) {
    // The second and third run a batch of the first again.
    const lists = ['shared', `of ${request}`].map((id) => [id, gone(300)] as const);
    await fill(store, 'f1', new Map(lists), request);
  }
  await store.files.remove('f1');
  expect(traces(directory)).toEqual([]);
});

it('finishes a deletion that the end of the process has cut short', async () => {
  const directory = temporaryDirectory();
  const first = await SqliteStore.open({ directory, ...LIMITS });
  await fill(first, 'gone', new Map(addresses(400).map((id) => [id, gone(10)])));
  await fill(first, 'kept', new Map([['k', addresses(300)]]));
  const removal = first.files.remove('gone').catch((error: unknown) => error);
  await first.files.find('gone');
  await first.close();
  await removal;
  const store = await openStore(directory);
  expect(await store.files.find('gone')).toBeNull();
  await eventually('the rest was cleaned away', () => traces(directory).length === 0);
  expect(await scanned(store, 'kept')).toHaveLength(300);
});

it('deletes while others read and write', async () => {
  const directory = temporaryDirectory();
  const store = await openStore(directory);
  await fill(store, 'gone', new Map(addresses(40).map((id) => [id, gone(50)])));
  await fill(store, 'kept', new Map([['k', addresses(3_000)]]));
  let busy = true;
  const reading = (async () => {
    while (busy) {
      expect(await scanned(store, 'kept')).toHaveLength(3_000);
      await pageOf(store, { fileId: 'kept', page: 1, limit: 500, email: 'a' });
    }
  })();
  const writing = (async () => {
    for (let count = 1; busy; count++) {
      const emails = addresses(1 + (count % 300), 'w');
      await save(store, { batchId: 'w', fileId: 'written', emails, processedCount: count });
    }
  })();
  expect(await store.files.remove('gone')).toBe(true);
  const left = traces(directory);
  busy = false;
  await Promise.all([reading, writing]);
  expect(left).toEqual([]);
});

describe('dead letters', () => {
  const put = (store: SqliteStore, payload: string) =>
    store.deadLetters.add({ inlet: 'pubsub', reason: 'body: must be JSON', payload });
  const large = (before: string) => `${before}${Array.from({ length: 20_000 }, (_, i) => marked(i)).join()}`;

  it('leave no byte when they are discarded', async () => {
    const directory = temporaryDirectory();
    const store = await openStore(directory);
    for (const payload of [marked(1), large(''), `{"batchId":"${marked(2)}",}`]) await put(store, payload);
    await put(store, 'kept');
    expect(traces(directory)).not.toEqual([]);
    const letters = await store.deadLetters.list({ limit: 10, after: null, payloadBytes: 100 });
    for (const { id, payload } of letters)
      if (payload !== 'kept') expect(await store.deadLetters.discard(id)).toBe(true);
    expect(traces(directory)).toEqual([]);
    expect(await store.deadLetters.list({ limit: 10, after: null, payloadBytes: 100 })).toHaveLength(1);
  });

  it('leave no byte when the file is deleted that they name', async () => {
    const directory = temporaryDirectory();
    const store = await openStore(directory);
    await register(store, { fileId: 'gone', batches: ['b1'] });
    await put(store, large('{"batchId":"b1","validatedEmails":['));
    await put(store, large('{"fileId":"gone",'));
    await put(store, large('{"fileId":"unheard of",'));
    expect(await store.files.remove('gone')).toBe(true);
    expect(await store.files.remove('unheard of')).toBe(false);
    expect(traces(directory)).toEqual([]);
  });

  it('leave no byte when their time is over', async () => {
    const directory = temporaryDirectory();
    const store = await SqliteStore.open({ directory, ...LIMITS, deadLetterTtlMs: 50 });
    onTeardown(() => store.close());
    await put(store, large(''));
    const listed = () => store.deadLetters.list({ limit: 1, after: null, payloadBytes: 1 });
    await eventually('its time was over', async () => (await listed()).length === 0);
    expect(traces(directory)).not.toEqual([]);
    await store.deadLetters.dropExpired();
    expect(traces(directory)).toEqual([]);
  });
});

describe('an uploaded list', () => {
  const bytes = Buffer.from(Array.from({ length: 20_000 }, (_, index) => `${marked(index)}\r\n`).join(''));
  const summary = {
    ...({
      format: 'text',
      encoding: 'utf-8',
      delimiter: null,
      header: false,
      sheet: null,
      emailColumn: 0,
    } as const),
    ...{
      columns: [{ index: 0, name: MARK, addresses: 20_000 }],
      rows: 20_000,
      counts: null,
      sample: [[marked(1)]],
    },
  };
  const upload = async ({ lists }: SqliteStore, listId: string, expiresAt = Date.now() + 60_000) => {
    await lists.create({ listId, userId: MARK, name: `${MARK}.txt` });
    for (let at = 0, index = 0; at < bytes.length; at += LIST_CHUNK_BYTES)
      await lists.append(listId, index++, bytes.subarray(at, at + LIST_CHUNK_BYTES));
    await lists.complete(listId, { summary, expiresAt });
  };
  const nothingLeft = (directory: string) =>
    eventually('no byte is left', () => traces(directory).length === 0);

  it('leaves no byte when it is removed, nor when its file is', async () => {
    const directory = temporaryDirectory();
    const store = await openStore(directory);
    await upload(store, 'removed');
    expect(traces(directory)).not.toEqual([]);
    await store.lists.remove('removed');
    expect(traces(directory)).toEqual([]);
    await upload(store, 'attached');
    await register(store, { fileId: 'f', batches: ['b'] });
    await store.lists.attach('attached', 'f', 'r1');
    await store.files.remove('f');
    expect(traces(directory)).toEqual([]);
  });

  it('leaves no byte soon after its time, or after another request', async () => {
    const directory = temporaryDirectory();
    const store = await openStore(directory);
    await upload(store, 'expired', Date.now() - 1);
    await store.lists.dropExpired();
    await nothingLeft(directory);
    await upload(store, 'replaced');
    await register(store, { fileId: 'f', requestId: 'r1' });
    await store.lists.attach('replaced', 'f', 'r1');
    await register(store, { fileId: 'f', requestId: 'r2' });
    await nothingLeft(directory);
  });

  it('leaves no byte of an upload that ended with its process', async () => {
    const directory = temporaryDirectory();
    const first = await openStore(directory);
    await first.lists.create({ listId: 'cut off', userId: MARK, name: MARK });
    await first.lists.append('cut off', 0, bytes.subarray(0, LIST_CHUNK_BYTES));
    await first.close();
    expect(traces(directory)).not.toEqual([]);
    await openStore(directory);
    await nothingLeft(directory);
  });
});

it('leaves no byte between the cells of a page, from which SQLite had moved it to another page', async () => {
  const directory = temporaryDirectory();
  const store = await openStore(directory);
  const files = Array.from({ length: 60 }, (_, n) => ({ fileId: `f${n}`, isKept: n % 2 === 0, size: 0 }));
  await Promise.all(files.map(({ fileId }) => register(store, { fileId, batches: [`b ${fileId}`] })));
  // Three at a time grow by lists of different lengths, so that pages are split in many places; half of them are deleted.
  for (let step = 0; step < 240; step++) {
    const file = files[Math.floor(step / 12) * 3 + (step % 3)];
    if (file === undefined) continue;
    file.size += 1 + (mixed(step) % 120);
    const emails = Array.from({ length: file.size }, (_, n) =>
      file.isKept ? `kept-${file.fileId}-${n}@example.com` : entry(`${MARK}-${file.fileId}-${n}@example.com`),
    );
    await save(store, { batchId: `b ${file.fileId}`, emails });
    if (!file.isKept && step % 12 >= 9) await store.files.remove(file.fileId);
  }
  await eventually('it was overwritten', () => traces(directory).length === 0);
  for (const { fileId, isKept, size } of files)
    expect((await scanned(store, fileId).catch(() => [])).length).toBe(isKept ? size : 0);
  await store.close();
  const database = new Database(join(directory, 'verigate.db'));
  onTeardown(() => database.close());
  expect(database.all('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
});
