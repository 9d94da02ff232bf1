import { test } from '@jest/globals';
import fc from 'fast-check';
import { play } from '../support/agreement.js';
import { effort } from '../support/effort.js';
import { startTestGateway } from '../support/gateway.js';
import { scenarios } from '../support/scenario.js';

/**
 * Files, batches, runs and listeners as chance will have it, and a wire that loses, repeats and reorders. Once it is
 * quiet, everything that can be asked or listened to agrees with what follows from the messages alone.
 */
const RUNS = effort(3, 12);
/** Of a failure report: plays that case again, and makes it smaller. */
const { ORACLE_SEED } = process.env;

const settings = [
  {
    name: 'small portions, short history',
    env: { FLUSH_INTERVAL_MS: '3', EMAILS_PER_EVENT: '3', FEED_HISTORY: '6' },
    emailsPerEvent: 3,
  },
  { name: 'as it is set by default', env: { FLUSH_INTERVAL_MS: '20' }, emailsPerEvent: 500 },
];

test.each(settings)('everybody agrees with the oracle: $name', async ({ env, emailsPerEvent }) => {
  const { url } = await startTestGateway(env);
  let round = 0;
  await fc.assert(
    fc.asyncProperty(scenarios, (scenario) => play([url], `round ${round++}`, scenario, emailsPerEvent)),
    {
      numRuns: RUNS,
      endOnFailure: ORACLE_SEED === undefined,
      ...(ORACLE_SEED !== undefined && { seed: Number(ORACLE_SEED) }),
    },
  );
});
