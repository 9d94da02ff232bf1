import { expect, it } from '@jest/globals';
import type { DeadLetter } from '../../../src/store/dead-letters.js';
import type { Store } from '../../../src/store/store.js';
import { eventually } from '../../support/eventually.js';
import { addresses } from '../../support/updates.js';
import { fill, register, type Stores } from './harness.js';

const MIB = 2 ** 20;

const put = (store: Store, payload: string, inlet = 'pubsub') =>
  store.putAside({ inlet, reason: 'it is not JSON', payload });

const listed = (store: Store, query: Partial<Parameters<Store['deadLetters']>[0]> = {}) =>
  store.deadLetters({ limit: 500, after: null, payloadBytes: 65_536, ...query });

const payloads = async (store: Store) => (await listed(store)).map(({ payload }) => payload);

async function only(store: Store): Promise<DeadLetter> {
  const [letter, ...others] = await listed(store);
  if (letter === undefined || others.length > 0) throw new Error('there is not just one letter');
  return letter;
}

export function keepingLetters({ own }: Stores): void {
  it('keeps what it is given, and who brought it', async () => {
    const { store } = await own();
    const before = Date.now();
    await store.putAside({ inlet: 'stream', reason: 'batchId: is required', payload: '{"no":"batch"}' });
    const letter = await only(store);
    expect(letter).toEqual({
      id: expect.any(String),
      inlet: 'stream',
      reason: 'batchId: is required',
      receivedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      payload: '{"no":"batch"}',
      truncated: false,
    });
    expect(Date.parse(letter.receivedAt)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(letter.receivedAt)).toBeLessThanOrEqual(Date.now());
    expect(await store.deadLetter(letter.id)).toEqual(letter);
  });

  it('lists newest first, each once, in pages of any size', async () => {
    const { store } = await own();
    const texts = Array.from({ length: 40 }, (_, i) => `letter ${i}`);
    // Most of them within the same millisecond.
    for (const text of texts) await put(store, text);
    for (const limit of [1, 7, 40, 100]) {
      const letters: DeadLetter[] = [];
      for (let after: string | null = null; ; ) {
        const page: DeadLetter[] = await listed(store, { limit, after });
        expect(page.length).toBeLessThanOrEqual(limit);
        letters.push(...page);
        after = page.at(-1)?.id ?? null;
        if (after === null) break;
      }
      expect(letters.map(({ payload }) => payload)).toEqual([...texts].reverse());
      const ids = letters.map(({ id }) => id);
      expect(ids).toEqual([...new Set(ids)].sort().reverse());
    }
  });

  it('goes on after a letter that is gone, and lists none that came since', async () => {
    const { store } = await own();
    for (const text of ['1', '2', '3']) await put(store, text);
    const [, second] = await listed(store);
    if (second === undefined) throw new Error('there are three letters');
    await store.discard(second.id);
    await put(store, '4');
    expect((await listed(store, { after: second.id })).map(({ payload }) => payload)).toEqual(['1']);
  });

  it('keeps all of many that come at once', async () => {
    const { store } = await own();
    const texts = Array.from({ length: 200 }, (_, i) => `letter ${i}`);
    await Promise.all(texts.map((text) => put(store, text)));
    expect((await payloads(store)).sort()).toEqual([...texts].sort());
  });

  it('keeps every text as it is, but for surrogates that stand alone', async () => {
    const { store } = await own();
    const texts = [
      '',
      '\0',
      'a\0b\0',
      '\u{1F600}\u202e\ufeff',
      '"\\\r\n\t',
      "';--$where",
      '\uffff',
      '😀'.repeat(40_000),
    ];
    for (const text of texts) {
      await put(store, text);
      const letter = await only(store);
      expect((await store.deadLetter(letter.id))?.payload).toBe(text);
      await store.discard(letter.id);
    }
    await store.putAside({ inlet: 'pubsub', reason: 'why \udce4', payload: 'a\udce4b\ud83d' });
    expect(await only(store)).toMatchObject({
      reason: 'why \ufffd',
      payload: 'a\ufffdb\ufffd',
      truncated: false,
    });
  });

  it('cuts payloads in the list, between two characters', async () => {
    const { store } = await own();
    const text = `x${'é€😀'.repeat(20_000)}`;
    await put(store, text);
    for (const payloadBytes of [0, 1, 2, 3, 4, 5, 6, 7, 10, 65_535, 65_536, 65_537, 65_538, 100_000]) {
      const [letter] = await listed(store, { payloadBytes });
      const { payload = '', truncated } = letter ?? {};
      expect(text.startsWith(payload)).toBe(true);
      expect(payload.isWellFormed()).toBe(true);
      const bytes = Buffer.byteLength(payload);
      expect(bytes).toBeLessThanOrEqual(payloadBytes);
      expect(bytes).toBeGreaterThan(payloadBytes - 4);
      // It was kept whole: the list only shows less.
      expect(truncated).toBe(false);
    }
    expect((await store.deadLetter((await only(store)).id))?.payload).toBe(text);
    expect((await listed(store, { payloadBytes: MIB }))[0]?.payload).toBe(text);
  });

  it('keeps a very large message whole up to 8 MiB, and its beginning beyond', async () => {
    const { store } = await own();
    const largest = '€'.repeat((8 * MIB) / 4) + 'x'.repeat((8 * MIB) / 4);
    expect(Buffer.byteLength(largest)).toBe(8 * MIB);
    await put(store, largest);
    const whole = await only(store);
    expect(whole.truncated).toBe(false);
    expect((await store.deadLetter(whole.id))?.payload === largest).toBe(true);
    await store.discard(whole.id);

    await put(store, `${largest}€`);
    const cut = await only(store);
    expect(cut).toMatchObject({ truncated: true });
    expect(cut.reason).toBe(
      `it is not JSON; too large to be kept whole: the beginning of ${8 * MIB + 3} bytes`,
    );
    expect((await store.deadLetter(cut.id))?.payload === largest).toBe(true);
    await store.discard(cut.id);

    // Text of which JSON or BSON could make more than it is.
    await put(store, '\0😀'.repeat(6 * MIB));
    const { id } = await only(store);
    expect(Buffer.byteLength((await store.deadLetter(id))?.payload ?? '')).toBeGreaterThan(8 * MIB - 5);
  });

  it('knows no letter of an id that it did not give', async () => {
    const { store } = await own();
    await put(store, 'kept');
    const { id } = await only(store);
    for (const wrong of [
      '',
      '0',
      'zzz',
      id.slice(1),
      `${id}0`,
      id.toUpperCase(),
      '$gt',
      '{"$gt":""}',
      '\0',
      'x'.repeat(9_999),
    ]) {
      if (wrong === id) continue;
      expect(await store.deadLetter(wrong)).toBeNull();
      expect(await store.discard(wrong)).toBe(false);
    }
    expect(await listed(store, { after: '' })).toEqual([]);
    expect(await listed(store, { after: 'zzz' })).toHaveLength(1);
  });

  it('discards a letter once', async () => {
    const { store } = await own();
    for (const text of ['kept', 'gone', 'kept, too']) await put(store, text);
    const gone = (await listed(store)).find(({ payload }) => payload === 'gone')?.id ?? '';
    const answers = await Promise.all(Array.from({ length: 5 }, () => store.discard(gone)));
    expect(answers.filter(Boolean)).toEqual([true]);
    expect(await store.discard(gone)).toBe(false);
    expect(await store.deadLetter(gone)).toBeNull();
    expect(await payloads(store)).toEqual(['kept, too', 'kept']);
  });
}

export function boundingLetters({ own }: Stores): void {
  it('drops the oldest beyond the bytes of all, and keeps the rest', async () => {
    const maxDeadLetterBytes = 100_000;
    const { store } = await own({ maxDeadLetterBytes });
    const texts = Array.from({ length: 30 }, (_, i) => `${i} `.padEnd(9_000, 'x'));
    for (const text of texts) await put(store, text);
    const kept = await payloads(store);
    expect(kept).toEqual([...texts].reverse().slice(0, kept.length));
    expect(kept.length).toBeGreaterThanOrEqual(8);
    expect(kept.join('').length).toBeLessThanOrEqual(maxDeadLetterBytes);
    // What is discarded makes room.
    for (const { id } of await listed(store)) await store.discard(id);
    for (const text of texts.slice(0, 8)) await put(store, text);
    expect(await payloads(store)).toHaveLength(8);
  });

  it('bounds a flood of empty letters as well, also when it comes at once', async () => {
    const { store } = await own({ maxDeadLetterBytes: 65_536 });
    await Promise.all(Array.from({ length: 300 }, () => put(store, '')));
    const kept = await listed(store);
    expect(kept.length).toBeGreaterThan(10);
    expect(kept.length).toBeLessThan(100);
  });

  it('always keeps the one that just came, as far as there is room', async () => {
    const { store } = await own({ maxDeadLetterBytes: 65_536 });
    await put(store, 'small');
    await put(store, 'x'.repeat(100_000));
    const letter = await only(store);
    expect(letter.truncated).toBe(true);
    expect(letter.payload).toMatch(/^x{60000,65536}$/);
  });

  it('knows nothing of a letter whose time is over', async () => {
    const { store } = await own({ deadLetterTtlMs: 1_000 });
    await put(store, 'old');
    const { id } = await only(store);
    await eventually('its time was over', async () => (await listed(store)).length === 0);
    expect(await store.deadLetter(id)).toBeNull();
    expect(await store.discard(id)).toBe(false);
    await put(store, 'young');
    expect(await payloads(store)).toEqual(['young']);
    await store.stall({ begunBefore: 0, queuedBefore: 0 });
  });
}

export function removingLetters({ own }: Stores): void {
  it('discards with a file what names it, or a batch of it', async () => {
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
    expect(await store.remove('f1')).toBe(true);
    expect((await payloads(store)).sort()).toEqual([...kept].sort());
  });

  it('discards what came before anybody had registered its batch', async () => {
    const { store } = await own();
    await put(store, '{"batchId":"b1"}');
    await register(store, { fileId: 'f1', batches: ['b1'] });
    await store.remove('f1');
    expect(await listed(store)).toEqual([]);
  });

  it('discards it although the file itself was never heard of', async () => {
    const { store } = await own();
    await put(store, '{"fileId":"f1"}');
    await put(store, '{"fileId":"f2"}');
    expect(await store.remove('f1')).toBe(false);
    expect(await payloads(store)).toEqual(['{"fileId":"f2"}']);
  });

  it('finds the ids at either end of a message that is too large to be kept', async () => {
    const { store } = await own();
    const filling = `"validatedEmails":["${'x'.repeat(9 * MIB)}"]`;
    await put(store, `{"batchId":"b1",${filling}}`);
    await put(store, `{${filling},"fileId":"f1"}`);
    await put(store, `{${filling}}`);
    await register(store, { fileId: 'f1', batches: ['b1'] });
    await store.remove('f1');
    expect(await listed(store)).toHaveLength(1);
  });

  it('finds those of many batches among many others', async () => {
    const { store } = await own();
    const batchIds = addresses(300, 'b');
    await register(store, { fileId: 'f1', batches: batchIds });
    await Promise.all(
      batchIds
        .flatMap((id) => [id, id, `other ${id}`])
        .map((id) => put(store, JSON.stringify({ batchId: id }))),
    );
    await store.remove('f1');
    const kept = await store.deadLetters({ limit: 1_000, after: null, payloadBytes: 99 });
    expect(kept).toHaveLength(300);
    expect(kept.every(({ payload }) => payload.includes('other '))).toBe(true);
  });
}
