/** Skips tests whose requirements the machine does not meet, or fails them where nothing may be skipped. */
import { describe, it } from '@jest/globals';

/** If set, a missing requirement is a failure instead of a skipped test. */
export const isRequired = process.env.REQUIRE_SERVICES === '1' || process.env.CI === 'true';

/**
 * `describe` for tests with a requirement. If it is not met they are skipped with the reason, or fail with it where
 * skipping is not allowed.
 */
export function describeWhere(isThere: boolean, reason: string, name: string, tests: () => void): void {
  if (isThere) describe(name, tests);
  else if (isRequired) {
    describe(name, () => {
      it('has what it needs', () => {
        throw new Error(reason);
      });
    });
  } else {
    process.stderr.write(`SKIPPED: ${name}: ${reason}\n`);
    describe.skip(name, tests);
  }
}

/**
 * Tests of a program in another language. Without its toolchain they are skipped with a message, everywhere: nobody needs
 * each language. Where it is there, the program is made in CI, and found in the cache elsewhere.
 */
export function describeWithToolchain(
  isThere: boolean,
  made: string | null,
  toolchain: string,
  name: string,
  tests: (made: string) => void,
): void {
  if (isThere) describeWhere(made !== null, 'its program is not in the cache', name, () => tests(made ?? ''));
  else {
    process.stderr.write(`SKIPPED: ${name}: ${toolchain} is not there\n`);
    describe.skip(name, () => tests(''));
  }
}
