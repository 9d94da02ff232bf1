import { describe, it } from '@jest/globals';

/** What a test needs and this machine has not is a failure then, instead of a loud omission. */
export const isRequired = process.env.REQUIRE_SERVICES === '1' || process.env.CI === 'true';

/**
 * `describe` for tests that need something of the machine. Where it is missing they are skipped, and say so with the
 * reason; where tests must be complete, they fail with it.
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
