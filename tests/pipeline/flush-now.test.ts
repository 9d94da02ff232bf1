import { describe, expect, it } from '@jest/globals';
import type { Stats } from '../../src/domain/stats.js';
import type { Feed } from '../../src/feed/feed.js';
import { CHANGES_BYTES } from '../../src/store/bounded-results.js';
import { eventually } from '../support/eventually.js';
import { addresses, entry } from '../support/updates.js';
import { type Engine, engine, gatewayOn } from './stage.js';

type Append = Feed['append'];

/** A feed that calls a test before each append. */
function intercepted(feed: Feed, before: (nth: number) => Promise<void>): Feed {
  let count = 0;
  const append: Append = async (...args) => {
    await before(++count);
    return feed.append(...args);
  };
  return new Proxy(feed, {
    get(target, name) {
      const value: unknown = name === 'append' ? append : Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function latch() {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

async function statsOf({ feed }: Engine): Promise<Stats> {
  return JSON.parse((await feed.head('f1', []))?.state.stats ?? 'null') as Stats;
}

const ENDED = { status: 'failed', batches: { failed: 2 } };

describe('a caller that ends a batch is answered once the stats include it', () => {
  it('while another change of the file is being announced for longer than an interval', async () => {
    const both = await engine();
    const [begun, held] = [latch(), latch()];
    const feed = intercepted(both.feed, async (nth) => {
      if (nth !== 2) return;
      begun.open();
      await held.opened;
    });
    const { register, take, pipeline } = gatewayOn({ store: both.store, feed }, 0);
    await register({ fileId: 'f1', batches: ['b1', 'b2'] });
    await take({ batchId: 'b1', emails: addresses(3), isComplete: true });
    await begun.opened;
    const answered = pipeline.fail('f1', 'b2', 'gave up').then(() => statsOf(both));
    // The failure is stored, and waits behind the flush that is under way.
    await eventually('the failure is stored', async () => {
      const batches = await both.store.files.batches('f1');
      return batches.some(({ status }) => status === 'failed');
    });
    await new Promise((resolve) => setImmediate(resolve));
    held.open();
    expect(await answered).toMatchObject({ batches: { failed: 1, completed: 1 } });
  });

  it('though the flush that has taken it fails', async () => {
    const both = await engine();
    const feed = intercepted(both.feed, async (nth) => {
      if (nth === 3) throw new Error('it fails');
    });
    const { register, pipeline } = gatewayOn({ store: both.store, feed }, 0);
    await register({ fileId: 'f1', batches: ['b1', 'b2'] });
    await pipeline.fail('f1', 'b1', 'gave up');
    await pipeline.fail('f1', 'b2', 'gave up');
    expect(await statsOf(both)).toMatchObject(ENDED);
  });

  it('though its results are too many bytes for one flush', async () => {
    const both = await engine();
    const { register, take, flusher } = gatewayOn(both, 60_000);
    const batches = ['b1', 'b2', 'b3', 'b4', 'b5'];
    await register({ fileId: 'f1', batches });
    const emails = [entry('a@x.org', { reason: 'x'.repeat(CHANGES_BYTES / 2 + 1) })];
    for (const batchId of batches) await take({ batchId, emails, isComplete: true });
    await flusher.flushNow('f1');
    expect(await statsOf(both)).toMatchObject({ status: 'completed', progress: { processed: 5 } });
  });

  it('though another change could not be announced just now', async () => {
    const both = await engine();
    const failed = latch();
    const feed = intercepted(both.feed, async (nth) => {
      if (nth !== 2) return;
      failed.open();
      throw new Error('it fails');
    });
    const { register, take, pipeline } = gatewayOn({ store: both.store, feed }, 60_000);
    await register({ fileId: 'f1', batches: ['b1', 'b2'] });
    await take({ batchId: 'b1', emails: addresses(3) });
    await pipeline.fail('f1', 'b1', 'gave up');
    await failed.opened;
    await pipeline.fail('f1', 'b2', 'gave up');
    expect(await statsOf(both)).toMatchObject(ENDED);
  });

  it('where a change can never be announced, after it was tried again', async () => {
    const both = await engine();
    let tries = 0;
    let isBroken = false;
    const feed = intercepted(both.feed, async () => {
      if (!isBroken) return;
      tries++;
      throw new Error('it fails');
    });
    const { register, pipeline } = gatewayOn({ store: both.store, feed }, 60_000);
    await register({ fileId: 'f1', batches: ['b1', 'b2'] });
    isBroken = true;
    expect(await pipeline.fail('f1', 'b1', 'gave up')).toBe(true);
    expect(tries).toBeLessThanOrEqual(2);
    isBroken = false;
    await pipeline.fail('f1', 'b2', 'gave up');
    expect(await statsOf(both)).toMatchObject(ENDED);
  });
});
