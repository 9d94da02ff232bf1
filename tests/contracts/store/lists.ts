import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import type { ListSummary } from '../../../src/domain/list-summary.js';
import { LIST_CHUNK_BYTES, type UploadedList } from '../../../src/store/lists.js';
import type { Store } from '../../../src/store/store.js';
import { announce, fill, register, type Stores } from './harness.js';
import { SOON } from './purging.js';
import { submissionOf } from './submitting.js';

const HOUR_MS = 3_600_000;
const inAnHour = () => Date.now() + HOUR_MS;

const SUMMARY: ListSummary = {
  format: 'csv',
  encoding: 'windows-1252',
  delimiter: ';',
  header: true,
  sheet: null,
  columns: [{ index: 0, name: 'E-Mail', addresses: 1 }],
  emailColumn: 0,
  rows: 1,
  counts: { unique: 1, repeats: 0, withoutAt: 0 },
  sample: [['E-Mail'], ['jürgen@müller.example']],
};

/** Every byte value, in an order that depends on the place: a chunk that is cut or swapped is noticed. */
const bytesOf = (size: number): Buffer =>
  Buffer.from(Array.from({ length: size }, (_, at) => (at ^ (at >> 8)) & 0xff));

interface Uploaded {
  readonly listId?: string;
  readonly userId?: string | null;
  readonly bytes?: Buffer;
  readonly expiresAt?: number;
}

async function uploadedPart(
  { lists }: Store,
  { listId = randomUUID(), userId = null, bytes = bytesOf(5) }: Uploaded,
) {
  await lists.create({ listId, userId, name: 'customers.csv' });
  for (let at = 0, index = 0; at < bytes.length; at += LIST_CHUNK_BYTES)
    await lists.append(listId, index++, bytes.subarray(at, at + LIST_CHUNK_BYTES));
  return listId;
}

export async function uploaded(store: Store, said: Uploaded = {}): Promise<string> {
  const listId = await uploadedPart(store, said);
  await store.lists.complete(listId, { summary: SUMMARY, expiresAt: said.expiresAt ?? inAnHour() });
  return listId;
}

export async function bytesIn({ lists }: Store, listId: string, from?: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of lists.read(listId, from)) pieces.push(piece);
  return Buffer.concat(pieces);
}

const unavailable = expect.objectContaining({ code: 'unavailable' });

async function expectGone(store: Store, listId: string): Promise<void> {
  expect(await store.lists.find(listId)).toBeNull();
  await expect(bytesIn(store, listId)).rejects.toEqual(unavailable);
}

export function keepingLists({ shared, own }: Stores): void {
  it('gives a list back byte by byte, from any place on', async () => {
    const { store } = shared();
    const bytes = bytesOf(2 * LIST_CHUNK_BYTES + 1000);
    const expiresAt = inAnHour();
    const listId = await uploaded(store, { bytes, userId: 'ann', expiresAt });
    const found: UploadedList = {
      listId,
      userId: 'ann',
      name: 'customers.csv',
      bytes: bytes.length,
      summary: SUMMARY,
      expiresAt,
      fileId: null,
    };
    expect(await store.lists.find(listId)).toEqual(found);
    for (const from of [0, 1, LIST_CHUNK_BYTES - 1, LIST_CHUNK_BYTES, bytes.length - 1, bytes.length])
      expect((await bytesIn(store, listId, from)).equals(bytes.subarray(from))).toBe(true);
  });

  it('gives each piece away, so that it can be handed to another thread', async () => {
    const { store } = shared();
    const bytes = bytesOf(2 * LIST_CHUNK_BYTES + 1000);
    const listId = await uploaded(store, { bytes });
    const pieces: Uint8Array[] = [];
    for await (const piece of store.lists.read(listId)) {
      const isWhole = piece.byteLength === piece.buffer.byteLength;
      const transfer = isWhole ? [piece.buffer as ArrayBuffer] : [];
      pieces.push(structuredClone(piece, { transfer }));
      if (pieces.length > 10) throw new Error('the list has no end');
    }
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
  });

  it('finds no list before it is complete, and reads what an upload has sent', async () => {
    const { store } = shared();
    const listId = await uploadedPart(store, {});
    expect(await store.lists.find(listId)).toBeNull();
    expect(await bytesIn(store, listId)).toEqual(bytesOf(5));
    expect(await store.lists.find(randomUUID())).toBeNull();
    await expectGone(store, randomUUID());
  });

  it('takes a repeated chunk for one', async () => {
    const { store } = shared();
    const listId = await uploadedPart(store, {});
    await store.lists.append(listId, 0, bytesOf(5));
    await store.lists.complete(listId, { summary: SUMMARY, expiresAt: inAnHour() });
    expect(await bytesIn(store, listId)).toEqual(bytesOf(5));
    await expect(store.lists.append(listId, 1, bytesOf(5))).rejects.toEqual(unavailable);
    await expect(store.lists.complete(listId, { summary: SUMMARY, expiresAt: inAnHour() })).rejects.toEqual(
      unavailable,
    );
  });

  it('keeps an empty list', async () => {
    const { store } = shared();
    const listId = await uploaded(store, { bytes: bytesOf(0) });
    expect(await bytesIn(store, listId)).toEqual(bytesOf(0));
  });

  it('counts the lists of each user that no file uses', async () => {
    const { store, f1 } = await own();
    await uploaded(store, { userId: 'ann' });
    await uploadedPart(store, { userId: 'ann' });
    await uploaded(store, { userId: null });
    await uploaded(store, { userId: 'ann', expiresAt: Date.now() - 1 });
    const attached = await uploaded(store, { userId: 'ann' });
    await register(store, { fileId: f1 });
    expect(await store.lists.waiting('ann')).toBe(3);
    await store.lists.attach(attached, f1, 'r1');
    expect(await store.lists.waiting('ann')).toBe(2);
    expect(await store.lists.waiting(null)).toBe(1);
    expect(await store.lists.waiting('bob')).toBe(0);
  });

  it('attaches a list to the current request of one file', async () => {
    const { store, f1, f2 } = shared();
    const listId = await uploaded(store);
    expect(await store.lists.attach(listId, f1, 'r1')).toBe(false);
    await register(store, { fileId: f1 });
    await register(store, { fileId: f2 });
    expect(await store.lists.ofFile(f1)).toBeNull();
    expect(await store.lists.attach(listId, f1, 'r1')).toBe(true);
    expect(await store.lists.attach(listId, f1, 'r1')).toBe(true);
    expect(await store.lists.ofFile(f1)).toMatchObject({ listId, fileId: f1, expiresAt: null });
    expect(await store.lists.find(listId)).toMatchObject({ listId, fileId: f1, expiresAt: null });
    expect(await store.lists.attach(listId, f2, 'r1')).toBe(false);
    expect(await store.lists.attach(randomUUID(), f1, 'r1')).toBe(false);
    expect(await store.lists.ofFile(f2)).toBeNull();
  });
}

export function endingLists({ shared, own }: Stores): void {
  it('removes a list, once', async () => {
    const { store } = shared();
    const listId = await uploaded(store, { bytes: bytesOf(2 * LIST_CHUNK_BYTES) });
    expect(await store.lists.remove(listId)).toBe(true);
    expect(await store.lists.remove(listId)).toBe(false);
    await expectGone(store, listId);
  });

  it('removes an upload, which cannot go on then', async () => {
    const { store } = shared();
    const listId = await uploadedPart(store, {});
    expect(await store.lists.remove(listId)).toBe(true);
    await expect(store.lists.append(listId, 1, bytesOf(5))).rejects.toEqual(unavailable);
    await expect(store.lists.complete(listId, { summary: SUMMARY, expiresAt: inAnHour() })).rejects.toEqual(
      unavailable,
    );
    await expectGone(store, listId);
  });

  it('says so when a list ends while it is read', async () => {
    const { store } = shared();
    const listId = await uploaded(store, { bytes: bytesOf(3 * LIST_CHUNK_BYTES) });
    const reading = store.lists.read(listId)[Symbol.asyncIterator]();
    await reading.next();
    await store.lists.remove(listId);
    await expect(reading.next()).rejects.toEqual(unavailable);
  });

  it('gives a list to one of several submissions, and to another once that is over', async () => {
    const { store, f1 } = shared();
    const listId = await uploaded(store);
    const ids = Array.from({ length: 8 }, () => randomUUID());
    for (const id of ids) await store.submissions.claim(submissionOf(f1, { id }));
    const reserve = (id: string) => store.lists.reserve(listId, id, inAnHour());
    const reserved = await Promise.all(ids.map(reserve));
    expect(reserved.filter(Boolean)).toHaveLength(1);
    const winner = ids[reserved.indexOf(true)] ?? '';
    expect(await reserve(winner)).toBe(true);
    const [next = ''] = ids.filter((id) => id !== winner);
    expect(await reserve(next)).toBe(false);
    await store.submissions.end(winner);
    expect(await reserve(next)).toBe(true);
    await register(store, { fileId: f1 });
    await store.lists.attach(listId, f1, 'r1');
    expect(await reserve(next)).toBe(false);
  });

  it('drops lists at their time, unless a file uses them', async () => {
    const { store, f1 } = await own();
    const [kept, expired, attached, prolonged] = await Promise.all(
      [inAnHour(), Date.now() - 1, inAnHour(), Date.now() + 60_000].map((expiresAt) =>
        uploaded(store, { expiresAt }),
      ),
    );
    await register(store, { fileId: f1 });
    await store.lists.attach(attached ?? '', f1, 'r1');
    expect(await store.lists.reserve(prolonged ?? '', 's', inAnHour())).toBe(true);
    for (const listId of [expired ?? '', attached ?? '', randomUUID()])
      expect(await store.lists.reserve(listId, 's', inAnHour())).toBe(false);
    await store.lists.dropExpired();
    await expectGone(store, expired ?? '');
    for (const listId of [kept, attached, prolonged])
      expect(await bytesIn(store, listId ?? '')).toEqual(bytesOf(5));
    const { expiresAt } = (await store.lists.find(prolonged ?? '')) as UploadedList;
    expect(expiresAt).toBeGreaterThan(Date.now() + HOUR_MS / 2);
  });

  it('does not find a list whose time is over, dropped or not', async () => {
    const { store, f1 } = shared();
    const listId = await uploaded(store, { expiresAt: Date.now() - 1 });
    await register(store, { fileId: f1 });
    expect(await store.lists.find(listId)).toBeNull();
    expect(await store.lists.attach(listId, f1, 'r1')).toBe(false);
  });

  it('removes the list of a removed file with it', async () => {
    const { store, f1 } = shared();
    const listId = await uploaded(store, { bytes: bytesOf(2 * LIST_CHUNK_BYTES) });
    await register(store, { fileId: f1 });
    await store.lists.attach(listId, f1, 'r1');
    await store.files.remove(f1);
    await expectGone(store, listId);
    expect(await store.lists.ofFile(f1)).toBeNull();
  });

  it('ends the list of a request that another one replaces, and none else', async () => {
    const { store, f1, f2 } = shared();
    const [first, second, other] = [await uploaded(store), await uploaded(store), await uploaded(store)];
    await register(store, { fileId: f1, requestId: 'r1' });
    await register(store, { fileId: f2, requestId: 'r1' });
    await store.lists.attach(first, f1, 'r1');
    await store.lists.attach(other, f2, 'r1');
    await register(store, { fileId: f1, requestId: 'r2' });
    expect(await store.lists.find(first)).toBeNull();
    expect(await store.lists.ofFile(f1)).toBeNull();
    // A submission that comes too late for its own request has no part in the next one.
    expect(await store.lists.attach(second, f1, 'r1')).toBe(false);
    expect(await store.lists.ofFile(f1)).toBeNull();
    expect(await store.lists.attach(second, f1, 'r2')).toBe(true);
    expect(await store.lists.ofFile(f1)).toMatchObject({ listId: second });
    expect(await bytesIn(store, other)).toEqual(bytesOf(5));
  });

  it('ends the list that another one takes the place of', async () => {
    const { store, f1 } = shared();
    const [first, second] = [await uploaded(store), await uploaded(store)];
    await register(store, { fileId: f1 });
    await store.lists.attach(first, f1, 'r1');
    await store.lists.attach(second, f1, 'r1');
    await expectGone(store, first);
    expect(await store.lists.ofFile(f1)).toMatchObject({ listId: second });
  });

  it('ends the list of a purged file', async () => {
    const { store, f1, b1 } = await own();
    const listId = await uploaded(store);
    await fill(store, f1, new Map([[b1, ['a@example.com']]]));
    await store.lists.attach(listId, f1, 'r1');
    await announce(store, f1);
    expect(await store.files.purge(SOON())).toEqual([f1]);
    expect(await store.lists.find(listId)).toBeNull();
    expect(await store.lists.ofFile(f1)).toBeNull();
  });
}
