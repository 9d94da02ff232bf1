import { it } from '@jest/globals';
import { expectReadsToShowUpdates } from '../support/answered.js';
import { describeCluster, startGateways } from '../support/cluster.js';
import { effort } from '../support/effort.js';

/** Long: what a read does not wait for is not announced by the interval. */
const SLOW = { FLUSH_INTERVAL_MS: '60000' };

describeCluster('reads of two gateways', (env) => {
  it('show an update that either has answered before they began', async () => {
    const gateways = await startGateways(2, { ...env(), ...SLOW });
    await expectReadsToShowUpdates(
      gateways.map(({ url }) => url),
      effort(10, 150),
    );
  });
});
