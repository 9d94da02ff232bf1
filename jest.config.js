// The tests run as compiled by `npm run build`: the same JavaScript that `npm start` runs, worker threads included.
export default {
  roots: ['<rootDir>/dist/tests'],
  testMatch: ['**/*.test.js'],
  globalSetup: '<rootDir>/dist/tests/support/prepare.js',
  setupFiles: ['<rootDir>/dist/tests/support/bundled-threads.js'],
  transform: {},
  testEnvironment: 'node',
  // Some tests run a compiler or an installer, and the machine may be busy with others.
  testTimeout: 120_000,
  // One more than the cores that there are at least: suites wait for servers and for time to pass, too.
  maxWorkers: 3,
  // Each suite leaves the modules that it loaded behind; the more there are, the longer garbage is looked for.
  workerIdleMemoryLimit: '512MB',
  testSequencer: '<rootDir>/dist/tests/support/longest-first.js',
  reporters: ['default', '<rootDir>/dist/tests/support/totals-reporter.js'],
};
