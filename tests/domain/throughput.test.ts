import { describe, expect, it } from '@jest/globals';
import {
  advanceWindow,
  recentRate,
  startWindow,
  type ThroughputWindow,
} from '../../src/domain/throughput.js';

/** Runs at so many a second from `from` on, flushing ten times a second. */
function run(pace: ThroughputWindow, from: { at: number; processed: number }, seconds: number, rate: number) {
  let { at, processed } = from;
  let now = pace;
  for (let tick = 0; tick < seconds * 10; tick++) {
    at += 100;
    processed += rate / 10;
    now = advanceWindow(now, at, processed);
  }
  return { pace: now, at, processed };
}

describe('the pace of a file', () => {
  it('is what it has been of late', () => {
    const steady = run(startWindow(0, 0), { at: 0, processed: 0 }, 60, 50);
    expect(recentRate(steady.pace, steady.at, steady.processed)).toBeCloseTo(50);
    const slower = run(steady.pace, steady, 30, 10);
    expect(recentRate(slower.pace, slower.at, slower.processed)).toBeCloseTo(10);
    const faster = run(slower.pace, slower, 5, 100);
    const rate = recentRate(faster.pace, faster.at, faster.processed);
    expect(rate).toBeGreaterThan(10);
    expect(rate).toBeLessThan(100);
  });

  it('falls while nothing comes', () => {
    const { pace, at, processed } = run(startWindow(0, 0), { at: 0, processed: 0 }, 20, 50);
    expect(recentRate(pace, at + 60_000, processed)).toBeLessThan(15);
  });

  it('claims no wild rate from a moment', () => {
    expect(recentRate(startWindow(0, 0), 0, 500)).toBe(1_000);
    expect(Number.isFinite(recentRate(startWindow(5, 0), 5, 1))).toBe(true);
  });

  it('starts over where another gateway has measured by a clock that is ahead', () => {
    const ahead = run(startWindow(20_000, 0), { at: 20_000, processed: 0 }, 30, 4);
    const { pace, at, processed } = run(ahead.pace, { at: 0, processed: ahead.processed }, 5, 4);
    expect(recentRate(pace, at, processed)).toBeCloseTo(4, 0);
  });

  it('starts over where results were taken back, and is never negative', () => {
    const { pace, at } = run(startWindow(0, 0), { at: 0, processed: 0 }, 30, 50);
    const again = advanceWindow(pace, at + 100, 3);
    expect(recentRate(again, at + 100, 3)).toBe(0);
    expect(recentRate(again, at + 1_100, 13)).toBeCloseTo(10);
  });
});
