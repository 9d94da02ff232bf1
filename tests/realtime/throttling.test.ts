import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { TokenBucket } from '../../src/realtime/throttling.js';

describe('a token bucket', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  /** How many of so many events get through at once. */
  const through = (bucket: TokenBucket, events: number): number =>
    Array.from({ length: events }, () => bucket.take()).filter(Boolean).length;

  it('lets a second of events through at once, and then no more', () => {
    const bucket = new TokenBucket(50);
    expect(through(bucket, 1_000)).toBe(50);
    expect(bucket.take()).toBe(false);
  });

  it('fills up evenly', () => {
    const bucket = new TokenBucket(50);
    through(bucket, 50);
    jest.advanceTimersByTime(19);
    expect(bucket.take()).toBe(false);
    jest.advanceTimersByTime(1);
    expect(bucket.take()).toBe(true);
    expect(bucket.take()).toBe(false);
    jest.advanceTimersByTime(500);
    expect(through(bucket, 100)).toBe(25);
  });

  it('saves up no more than a second', () => {
    const bucket = new TokenBucket(10);
    jest.advanceTimersByTime(3_600_000);
    expect(through(bucket, 1_000)).toBe(10);
  });

  it('takes no more than its rate from a sender that never stops', () => {
    const bucket = new TokenBucket(20);
    let taken = 0;
    for (let ms = 0; ms < 10_000; ms++) {
      taken += through(bucket, 3);
      jest.advanceTimersByTime(1);
    }
    expect(taken).toBeGreaterThanOrEqual(20 + 198);
    expect(taken).toBeLessThanOrEqual(20 + 200);
  });

  it('lets an event through at the lowest rate there is', () => {
    const bucket = new TokenBucket(1);
    expect(through(bucket, 5)).toBe(1);
    jest.advanceTimersByTime(1_000);
    expect(through(bucket, 5)).toBe(1);
  });
});
