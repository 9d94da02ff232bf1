import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Clock } from '../src/clock.js';

describe('the clock', () => {
  function clockAt(start: number) {
    const real = { passed: 0, off: 0 };
    const clock = new Clock(
      () => start + real.passed + real.off,
      () => real.passed,
    );
    return { clock, real };
  }

  it('follows the wall clock, also when that is set forward', () => {
    const { clock, real } = clockAt(1_000);
    real.passed = 500;
    expect(clock.now()).toBe(1_500);
    real.off = 10_000;
    expect(clock.now()).toBe(11_500);
    expect(clock.date()).toEqual(new Date(11_500));
  });

  it('goes on nearly as fast where the wall clock is set back, until that has caught up', () => {
    const { clock, real } = clockAt(1_000_000);
    real.off = -20_000;
    let last = clock.now();
    expect(last).toBe(1_000_000);
    for (let second = 1; second <= 300; second++) {
      real.passed += 1_000;
      const now = clock.now();
      expect(now - last).toBeGreaterThanOrEqual(899);
      expect(now - last).toBeLessThanOrEqual(1_000);
      last = now;
    }
    expect(last).toBe(1_000_000 + 300_000 - 20_000);
  });
});

/** They compare the wall clock with times that others wrote: of tokens, of `Retry-After`, and of receivers of webhooks. */
const BY_WALL_CLOCK = [
  'auth/revocations',
  'auth/tokens',
  'clock',
  'realtime/cluster-sockets',
  'realtime/socket-token',
  'token',
  'validator/post',
  'webhooks/post',
];

it('nothing else in the gateway reads the wall clock', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.ts') && !path.startsWith('client'),
  );
  const reading = files.filter((path) =>
    /Date\.now\b|new Date\(\)/.test(readFileSync(join('src', path), 'utf8')),
  );
  expect(reading.map((path) => path.replace(/\.ts$/, '')).sort()).toEqual(BY_WALL_CLOCK);
});
