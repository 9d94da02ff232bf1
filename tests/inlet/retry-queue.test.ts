import { describe, expect, it } from '@jest/globals';
import { NewestMessages } from '../../src/inlet/redis/newest-messages.js';
import { RetryQueue } from '../../src/inlet/redis/retry-queue.js';
import { parseUpdate } from '../../src/inlet/update-reader.js';
import { eventually } from '../support/eventually.js';
import { onTeardown } from '../support/teardown.js';
import { progress } from './harness.js';

describe('a message that waits for the store', () => {
  it('is parsed once, however often it is retried', async () => {
    const bodies = [progress('b1', 3), progress('b1', 5), progress('b2', 2), 'nonsense', 'more nonsense'];
    const parsed: string[] = [];
    const waiting = new NewestMessages((bytes) => {
      parsed.push(Buffer.from(bytes).toString());
      return parseUpdate(bytes);
    });
    const stored: string[] = [];
    const counts: string[] = [];
    let attempts = 0;
    let isAway = true;
    const processor = {
      async process(bytes: Uint8Array) {
        attempts++;
        if (isAway) return 'outage' as const;
        stored.push(Buffer.from(bytes).toString());
        return 'done' as const;
      },
      count: (outcome: string) => void counts.push(outcome),
    };
    const closing = new AbortController();
    onTeardown(() => closing.abort());
    let released = 0;
    const onReleased = (bytes: number) => {
      released += bytes;
    };
    const queue = new RetryQueue(processor, closing.signal, onReleased, waiting);

    for (const body of bodies) queue.take(Buffer.from(body));
    await eventually('several rounds have failed', () => attempts >= bodies.length + 4);
    expect([...parsed].sort()).toEqual([...bodies].sort());
    isAway = false;
    expect(await queue.idle()).toBe(0);
    expect(parsed).toHaveLength(bodies.length);
    // The newest of each batch, and everything that cannot be read.
    expect([...stored].sort()).toEqual(bodies.slice(1).sort());
    expect(counts).toEqual(['conflated']);
    expect(released).toBe(bodies.join('').length);
  });
});
