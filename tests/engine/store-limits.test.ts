import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../../src/config.js';
import { storeLimits } from '../../src/engine/engine.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

describe('what holds addresses outside of files', () => {
  const kept = (env: NodeJS.ProcessEnv) => {
    const { heldTtlMs, deadLetterTtlMs } = storeLimits(readConfig(env));
    return [heldTtlMs, deadLetterTtlMs];
  };
  const days = (held: number, deadLetters: number) => ({
    HELD_TTL_MS: String(held * DAY_MS),
    DEAD_LETTER_TTL_MS: String(deadLetters * DAY_MS),
  });

  it.each([
    ['by default', {}, [DAY_MS, 7 * DAY_MS]],
    [
      'for as long as it says where files are kept for ever',
      { ...days(30, 365), RETENTION_DAYS: '0' },
      [30 * DAY_MS, 365 * DAY_MS],
    ],
    [
      'no longer than the addresses of files',
      { ...days(30, 365), RETENTION_DAYS: '3' },
      [3 * DAY_MS, 3 * DAY_MS],
    ],
    [
      'for a shorter time where it says so',
      { HELD_TTL_MS: String(HOUR_MS), RETENTION_DAYS: '3' },
      [HOUR_MS, 3 * DAY_MS],
    ],
    [
      'for the longest time that can be set',
      { ...days(30, 365), RETENTION_DAYS: '36500' },
      [30 * DAY_MS, 365 * DAY_MS],
    ],
  ])('is kept %s', (_, env, expected) => {
    expect(kept(env)).toEqual(expected);
  });
});
