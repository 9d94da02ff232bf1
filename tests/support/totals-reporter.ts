import type { Reporter } from '@jest/reporters';

/** Ends a test run with the totals alone on the last line, for tools and people that read only that line. */
export default class TotalsReporter implements Pick<Reporter, 'onRunComplete' | 'getLastError'> {
  onRunComplete(...[, results]: Parameters<NonNullable<Reporter['onRunComplete']>>): void {
    const { numPassedTests, numFailedTests, numFailedTestSuites, numPendingTests, numTodoTests } = results;
    // A suite that could not be loaded has no tests to count, but is a failure.
    const failed = numFailedTests === 0 ? numFailedTestSuites : numFailedTests;
    process.stdout.write(
      `${numPassedTests} passed, ${failed} failed, ${numPendingTests + numTodoTests} skipped\n`,
    );
  }

  getLastError(): undefined {
    return undefined;
  }
}
