import { expect, it } from '@jest/globals';
import { effort } from '../../support/effort.js';
import { eventually } from '../../support/eventually.js';
import { addresses } from '../../support/updates.js';
import { listed, only, payloads, put } from './dead-letters.js';
import { fill, register, type Stores } from './harness.js';

const MIB = 2 ** 20;

export function boundingDeadLetters({ own }: Stores): void {
  it('drops the oldest beyond the bytes of all, and keeps the rest', async () => {
    const maxDeadLetterBytes = 100_000;
    const { store } = await own({ maxDeadLetterBytes });
    const texts = Array.from({ length: 30 }, (_, i) => `${i} `.padEnd(9_000, 'x'));
    for (const text of texts) await put(store, text);
    const kept = await payloads(store);
    expect(kept).toEqual([...texts].reverse().slice(0, kept.length));
    expect(kept.length).toBeGreaterThanOrEqual(8);
    expect(kept.join('').length).toBeLessThanOrEqual(maxDeadLetterBytes);
    // A discarded dead letter makes room.
    for (const { id } of await listed(store)) await store.deadLetters.discard(id);
    for (const text of texts.slice(0, 8)) await put(store, text);
    expect(await payloads(store)).toHaveLength(8);
  });

  it('bounds a flood of empty messages as well, also when they are added at once', async () => {
    const { store } = await own({ maxDeadLetterBytes: 65_536 });
    await Promise.all(Array.from({ length: 300 }, () => put(store, '')));
    const kept = await listed(store);
    expect(kept.length).toBeGreaterThan(10);
    expect(kept.length).toBeLessThan(100);
  });

  it('always keeps the newest one, as far as there is room', async () => {
    const { store } = await own({ maxDeadLetterBytes: 65_536 });
    await put(store, 'small');
    await put(store, 'x'.repeat(100_000));
    const deadLetter = await only(store);
    expect(deadLetter.truncated).toBe(true);
    expect(deadLetter.payload).toMatch(/^x{60000,65536}$/);
  });

  it('does not return a dead letter that has expired', async () => {
    const { store } = await own({ deadLetterTtlMs: 1_000 });
    await put(store, 'old');
    const { id } = await only(store);
    await eventually('its time was over', async () => (await listed(store)).length === 0);
    expect(await store.deadLetters.find(id)).toBeNull();
    expect(await store.deadLetters.discard(id)).toBe(false);
    await put(store, 'young');
    expect(await payloads(store)).toEqual(['young']);
    await store.deadLetters.dropExpired();
  });
}

export function discardingDeadLetters({ own }: Stores): void {
  it('discards with a file the dead letters that name it or a batch of it', async () => {
    const { store } = await own();
    await fill(store, 'f1', new Map([['b1', ['a']]]), 'r1');
    await fill(store, 'f1', new Map([['b2', ['a']]]), 'r2');
    await fill(store, 'f2', new Map([['c1', ['a']]]));
    // Once of the first file, and of the second by now.
    await register(store, { fileId: 'f1', requestId: 'r2', batches: ['moved'] });
    await register(store, { fileId: 'f1', requestId: 'r3', batches: ['b3'] });
    await register(store, { fileId: 'f2', batches: ['moved'] });
    const gone = [
      '{"fileId":"f1","validatedEmails":7}',
      '{"batchId":"b3","validatedEmails":7}',
      '{"batchId":"b2"}',
      '{"batchId":"b1"}',
      '{"batchId":"c1","fileId":"f1"}',
      '{"batchId":"b3","fileId":"f2"}',
      // No JSON any more, but readable this far; or twice JSON.
      '{"isComplete":false, "batchId" : "b3", "validatedEmails":[{"email":"jane@exam',
      '{"fileId":"\\u0066\\u0031",,}',
      JSON.stringify('{"batchId":"b3"}'),
      '[{"fileId":"f1"}]',
    ];
    const kept = [
      '{"fileId":"f2"}',
      '{"batchId":"c1"}',
      '{"batchId":"moved"}',
      '{"batchId":"b3 of another"}',
      '{"fileId":"f1 ","email":"f1"}',
      'f1 b1 b2 b3',
      '{"fileId":7,"batchId":{"f1":"b1"}}',
      '',
    ];
    for (const text of [...gone, ...kept]) await put(store, text);
    expect(await listed(store)).toHaveLength(gone.length + kept.length);
    expect(await store.files.remove('f1')).toBe(true);
    expect((await payloads(store)).sort()).toEqual([...kept].sort());
  });

  it('discards a dead letter that was added before its batch was registered', async () => {
    const { store } = await own();
    await put(store, '{"batchId":"b1"}');
    await register(store, { fileId: 'f1', batches: ['b1'] });
    await store.files.remove('f1');
    expect(await listed(store)).toEqual([]);
  });

  it('discards it although the file itself is unknown', async () => {
    const { store } = await own();
    await put(store, '{"fileId":"f1"}');
    await put(store, '{"fileId":"f2"}');
    expect(await store.files.remove('f1')).toBe(false);
    expect(await payloads(store)).toEqual(['{"fileId":"f2"}']);
  });

  it('finds the ids at either end of a message that is too large to be kept', async () => {
    const { store } = await own();
    const filling = `"validatedEmails":["${'x'.repeat(9 * MIB)}"]`;
    await put(store, `{"batchId":"b1",${filling}}`);
    await put(store, `{${filling},"fileId":"f1"}`);
    await put(store, `{${filling}}`);
    await register(store, { fileId: 'f1', batches: ['b1'] });
    await store.files.remove('f1');
    expect(await listed(store)).toHaveLength(1);
  });

  it('finds those of many batches among many others', async () => {
    const { store } = await own();
    const count = effort(100, 300);
    const batchIds = addresses(count, 'b');
    await register(store, { fileId: 'f1', batches: batchIds });
    await Promise.all(
      batchIds
        .flatMap((id) => [id, id, `other ${id}`])
        .map((id) => put(store, JSON.stringify({ batchId: id }))),
    );
    await store.files.remove('f1');
    const kept = await store.deadLetters.list({ limit: 1_000, after: null, payloadBytes: 99 });
    expect(kept).toHaveLength(count);
    expect(kept.every(({ payload }) => payload.includes('other '))).toBe(true);
  });
}
