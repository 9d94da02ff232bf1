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
