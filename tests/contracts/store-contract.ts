import { afterAll, beforeAll, describe } from '@jest/globals';
import { onTeardown } from '../support/teardown.js';
import { changes } from './store/changes.js';
import { closing } from './store/closing.js';
import { counting } from './store/counting.js';
import { keepingDeadLetters } from './store/dead-letters.js';
import { boundingDeadLetters, discardingDeadLetters } from './store/dead-letters-gone.js';
import { failing, listingUnended, stalling } from './store/ending.js';
import { type Limits, names, type Opened, type OpenStore, type Stores } from './store/harness.js';
import { holding } from './store/holding.js';
import { listing } from './store/listing.js';
import { endingLists, keepingLists } from './store/lists.js';
import { registeringMany } from './store/many-batches.js';
import { naming } from './store/naming.js';
import { newerWins } from './store/newer-wins.js';
import { overviews } from './store/overviews.js';
import { owning } from './store/owning.js';

import { paging } from './store/paging.js';
import { purging } from './store/purging.js';
import { recorded } from './store/recorded.js';
import { registering, selfRegistering } from './store/registering.js';
import { removing } from './store/removing.js';
import { revoking } from './store/revoking.js';
import { scanning } from './store/scanning.js';
import { searching } from './store/searching.js';
import { claimingSubmissions, submittingLists } from './store/submitting.js';
import { webhooks } from './store/webhooks.js';

const CHAPTERS = {
  'newer wins': newerWins,
  changes,
  registration: registering,
  'registration by a message': selfRegistering,
  ownership: owning,
  'many batches': registeringMany,
  recordings: recorded,
  'held updates': holding,
  'failed batches': failing,
  'silent batches': stalling,
  'batches that have not ended': listingUnended,
  'counts of batches': counting,
  submissions: claimingSubmissions,
  'lists in slices': submittingLists,
  revocations: revoking,
  deletion: removing,
  retention: purging,
  pages: paging,
  'search by address': searching,
  scans: scanning,
  'lists of files': listing,
  'uploaded lists': keepingLists,
  'the end of uploaded lists': endingLists,
  'sums of files': overviews,
  'dead letters': keepingDeadLetters,
  'bounds of dead letters': boundingDeadLetters,
  'dead letters of a deleted file': discardingDeadLetters,
  webhooks,
  ids: naming,
  closing,
};

const GENEROUS: Limits = {
  heldTtlMs: 24 * 3_600_000,
  maxHeldBytes: 64 * 2 ** 20,
  deadLetterTtlMs: 24 * 3_600_000,
  maxDeadLetterBytes: 64 * 2 ** 20,
};

/** What every `Store` guarantees. An implementation joins by saying how an empty one is opened. */
export function describeStore(name: string, open: OpenStore): void {
  describe(`${name} as a store`, () => {
    let common: Opened | undefined;
    beforeAll(async () => {
      common = await open(GENEROUS);
    });
    afterAll(() => common?.dispose());

    const stores: Stores = {
      shared() {
        if (common === undefined) throw new Error('the store is not open');
        return { store: common.store, ...names() };
      },
      async own(limits) {
        const { store, dispose } = await open({ ...GENEROUS, ...limits });
        onTeardown(dispose);
        return { store, ...names() };
      },
    };
    for (const [title, chapter] of Object.entries(CHAPTERS)) describe(title, () => chapter(stores));
  });
}
