import { expect, it } from '@jest/globals';
import type { DeadLetter } from '../../../src/store/dead-letters.js';
import type { Store } from '../../../src/store/store.js';
import type { Stores } from './harness.js';

const MIB = 2 ** 20;

export const put = (store: Store, payload: string, inlet = 'pubsub') =>
  store.deadLetters.add({ inlet, reason: 'it is not JSON', payload });

export const listed = (store: Store, query: Partial<Parameters<Store['deadLetters']['list']>[0]> = {}) =>
  store.deadLetters.list({ limit: 500, after: null, payloadBytes: 65_536, ...query });

export const payloads = async (store: Store) => (await listed(store)).map(({ payload }) => payload);

export async function only(store: Store): Promise<DeadLetter> {
  const [deadLetter, ...others] = await listed(store);
  if (deadLetter === undefined || others.length > 0) throw new Error('there is not just one dead letter');
  return deadLetter;
}

export function keepingDeadLetters({ own }: Stores): void {
  it('keeps the message and the inlet that received it', async () => {
    const { store } = await own();
    const before = Date.now();
    await store.deadLetters.add({
      inlet: 'stream',
      reason: 'batchId: is required',
      payload: '{"no":"batch"}',
    });
    const deadLetter = await only(store);
    expect(deadLetter).toEqual({
      id: expect.any(String),
      inlet: 'stream',
      reason: 'batchId: is required',
      receivedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      payload: '{"no":"batch"}',
      truncated: false,
    });
    expect(Date.parse(deadLetter.receivedAt)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(deadLetter.receivedAt)).toBeLessThanOrEqual(Date.now());
    expect(await store.deadLetters.find(deadLetter.id)).toEqual(deadLetter);
  });

  it('keeps the beginning of bytes that are too many, and finds the ids at their end', async () => {
    const { store } = await own();
    const payload = Buffer.from(`${'é'.repeat(5 * MIB)} "fileId":"at the end"}`);
    await store.deadLetters.add({ inlet: 'stream', reason: 'too large', payload });
    const { id, reason, truncated } = await only(store);
    expect(truncated).toBe(true);
    expect(reason).toBe(
      `too large; too large to be kept whole: the beginning of ${payload.byteLength} bytes`,
    );
    expect((await store.deadLetters.find(id))?.payload).toBe('é'.repeat(4 * MIB));
  });

  it('lists newest first, each once, in pages of any size', async () => {
    const { store } = await own();
    const texts = Array.from({ length: 40 }, (_, i) => `message ${i}`);
    // Most of them within the same millisecond.
    for (const text of texts) await put(store, text);
    for (const limit of [1, 7, 40, 100]) {
      const found: DeadLetter[] = [];
      for (let after: string | null = null; ; ) {
        const page: DeadLetter[] = await listed(store, { limit, after });
        expect(page.length).toBeLessThanOrEqual(limit);
        found.push(...page);
        after = page.at(-1)?.id ?? null;
        if (after === null) break;
      }
      expect(found.map(({ payload }) => payload)).toEqual([...texts].reverse());
      const ids = found.map(({ id }) => id);
      expect(ids).toEqual([...new Set(ids)].sort().reverse());
    }
  });

  it('continues after a discarded dead letter, and lists none that was added since', async () => {
    const { store } = await own();
    for (const text of ['1', '2', '3']) await put(store, text);
    const [, second] = await listed(store);
    if (second === undefined) throw new Error('there are three dead letters');
    await store.deadLetters.discard(second.id);
    await put(store, '4');
    expect((await listed(store, { after: second.id })).map(({ payload }) => payload)).toEqual(['1']);
  });

  it('keeps all of many that are added at once', async () => {
    const { store } = await own();
    const texts = Array.from({ length: 200 }, (_, i) => `message ${i}`);
    await Promise.all(texts.map((text) => put(store, text)));
    expect((await payloads(store)).sort()).toEqual([...texts].sort());
  });

  it('keeps every text as it is, except for lone surrogates', async () => {
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
      const deadLetter = await only(store);
      expect((await store.deadLetters.find(deadLetter.id))?.payload).toBe(text);
      await store.deadLetters.discard(deadLetter.id);
    }
    await store.deadLetters.add({ inlet: 'pubsub', reason: 'why \u0000 \udce4', payload: 'a\udce4b\ud83d' });
    expect(await only(store)).toMatchObject({
      reason: 'why \u0000 \ufffd',
      payload: 'a\ufffdb\ufffd',
      truncated: false,
    });
  });

  it('cuts payloads in the list, between two characters', async () => {
    const { store } = await own();
    const text = `x${'é€😀'.repeat(20_000)}`;
    await put(store, text);
    for (const payloadBytes of [0, 1, 2, 3, 4, 5, 6, 7, 10, 65_535, 65_536, 65_537, 65_538, 100_000]) {
      const [deadLetter] = await listed(store, { payloadBytes });
      const { payload = '', truncated } = deadLetter ?? {};
      expect(text.startsWith(payload)).toBe(true);
      expect(payload.isWellFormed()).toBe(true);
      const bytes = Buffer.byteLength(payload);
      expect(bytes).toBeLessThanOrEqual(payloadBytes);
      expect(bytes).toBeGreaterThan(payloadBytes - 4);
      // It was kept whole: the list only shows less.
      expect(truncated).toBe(false);
    }
    expect((await store.deadLetters.find((await only(store)).id))?.payload).toBe(text);
    expect((await listed(store, { payloadBytes: MIB }))[0]?.payload).toBe(text);
  });

  it('keeps a very large message whole up to 8 MiB, and its beginning beyond', async () => {
    const { store } = await own();
    const largest = '€'.repeat((8 * MIB) / 4) + 'x'.repeat((8 * MIB) / 4);
    expect(Buffer.byteLength(largest)).toBe(8 * MIB);
    await put(store, largest);
    const whole = await only(store);
    expect(whole.truncated).toBe(false);
    expect((await store.deadLetters.find(whole.id))?.payload === largest).toBe(true);
    await store.deadLetters.discard(whole.id);

    await put(store, `${largest}€`);
    const cut = await only(store);
    expect(cut).toMatchObject({ truncated: true });
    expect(cut.reason).toBe(
      `it is not JSON; too large to be kept whole: the beginning of ${8 * MIB + 3} bytes`,
    );
    expect((await store.deadLetters.find(cut.id))?.payload === largest).toBe(true);
    await store.deadLetters.discard(cut.id);

    // Text of which JSON or BSON could make more than it is.
    await put(store, '\0😀'.repeat(6 * MIB));
    const { id } = await only(store);
    expect(Buffer.byteLength((await store.deadLetters.find(id))?.payload ?? '')).toBeGreaterThan(8 * MIB - 5);
  });

  it('finds no dead letter by an id that it did not give', async () => {
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
      expect(await store.deadLetters.find(wrong)).toBeNull();
      expect(await store.deadLetters.discard(wrong)).toBe(false);
    }
    expect(await listed(store, { after: '' })).toEqual([]);
    expect(await listed(store, { after: 'zzz' })).toHaveLength(1);
  });

  it('discards a dead letter once', async () => {
    const { store } = await own();
    for (const text of ['kept', 'gone', 'kept, too']) await put(store, text);
    const gone = (await listed(store)).find(({ payload }) => payload === 'gone')?.id ?? '';
    const answers = await Promise.all(Array.from({ length: 5 }, () => store.deadLetters.discard(gone)));
    expect(answers.filter(Boolean)).toEqual([true]);
    expect(await store.deadLetters.discard(gone)).toBe(false);
    expect(await store.deadLetters.find(gone)).toBeNull();
    expect(await payloads(store)).toEqual(['kept, too', 'kept']);
  });
}
