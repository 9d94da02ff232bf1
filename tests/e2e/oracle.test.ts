import { test } from '@jest/globals';
import fc from 'fast-check';
import { effort } from '../support/effort.js';
import { startTestGateway } from '../support/gateway.js';
import { playScenario } from '../support/play-scenario.js';
import { scenarios } from '../support/scenario.js';

/**
 * Random files, batches, runs and listeners, with lost, repeated and reordered messages. At the end everything that can
 * be read or received agrees with what the messages alone imply.
 */
const RUNS = effort(3, 12);
/** The seed in a failure report: runs that case again and shrinks it. */
const { ORACLE_SEED } = process.env;

const settings = [
  {
    name: 'small portions, short history',
    env: { FLUSH_INTERVAL_MS: '3', EMAILS_PER_EVENT: '3', FEED_HISTORY: '6' },
    emailsPerEvent: 3,
  },
  { name: 'as it is set by default', env: { FLUSH_INTERVAL_MS: '20' }, emailsPerEvent: 500 },
];

test.each(settings)(
  'every read and every listener agrees with the oracle: $name',
  async ({ env, emailsPerEvent }) => {
    const { url } = await startTestGateway(env);
    let round = 0;
    await fc.assert(
      fc.asyncProperty(scenarios, (scenario) =>
        playScenario([url], `round ${round++}`, scenario, emailsPerEvent),
      ),
      {
        numRuns: RUNS,
        endOnFailure: ORACLE_SEED === undefined,
        ...(ORACLE_SEED !== undefined && { seed: Number(ORACLE_SEED) }),
      },
    );
  },
);
