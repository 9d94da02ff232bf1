import { describe, it } from '@jest/globals';
import { expectReadsToShowUpdates, expectSnapshotsOfOneRevision } from '../support/answered.js';
import { effort } from '../support/effort.js';
import { startTestGateway } from '../support/gateway.js';

/** Long: what a read does not wait for is not announced by the interval. */
const SLOW = { FLUSH_INTERVAL_MS: '60000' };

describe('reads of an embedded gateway', () => {
  it('show an update that was answered before they began', async () => {
    const { url } = await startTestGateway(SLOW);
    await expectReadsToShowUpdates([url], effort(10, 150));
  });

  it('have stats and emails of one revision', async () => {
    const { url } = await startTestGateway();
    await expectSnapshotsOfOneRevision([url], effort(40, 300));
  });
});
