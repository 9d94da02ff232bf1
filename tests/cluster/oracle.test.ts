import { test } from '@jest/globals';
import fc from 'fast-check';
import { describeCluster, startGateways } from '../support/cluster.js';
import { effort } from '../support/effort.js';
import { playScenario } from '../support/play-scenario.js';
import { scenarios } from '../support/scenario.js';

/** Random files, runs and listeners as in the test of one gateway, each at any of three gateways. */
const RUNS = effort(1, 6);
const { ORACLE_SEED } = process.env;

describeCluster('three gateways', (newEnv) => {
  test(
    'agree with the oracle, each on its own and all together',
    async () => {
      const env = { ...newEnv(), FLUSH_INTERVAL_MS: '5', EMAILS_PER_EVENT: '4', FEED_HISTORY: '12' };
      const gateways = await startGateways(3, env);
      const urls = gateways.map(({ url }) => url);
      let round = 0;
      await fc.assert(
        fc.asyncProperty(scenarios, (scenario) => playScenario(urls, `round ${round++}`, scenario, 4)),
        {
          numRuns: RUNS,
          endOnFailure: ORACLE_SEED === undefined,
          ...(ORACLE_SEED !== undefined && { seed: Number(ORACLE_SEED) }),
        },
      );
    },
    120_000 + RUNS * 5_000,
  );
});
