import type { Reporter } from '@jest/reporters';

/** Ends a run with its totals alone on a line, for tools and people that read only the last one. */
export default class TotalsReporter implements Pick<Reporter, 'onRunComplete' | 'getLastError'> {
  onRunComplete(...[, results]: Parameters<NonNullable<Reporter['onRunComplete']>>): void {
    const { numPassedTests, numFailedTests, numFailedTestSuites, numPendingTests, numTodoTests } = results;
    // A suite that could not even be loaded has no tests to count, and is a failure all the same.
    const failed = numFailedTests === 0 ? numFailedTestSuites : numFailedTests;
    process.stdout.write(
      `${numPassedTests} passed, ${failed} failed, ${numPendingTests + numTodoTests} skipped\n`,
    );
  }

  getLastError(): undefined {
    return undefined;
  }
}
