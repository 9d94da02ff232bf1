import { describe } from '@jest/globals';
import { onTeardown } from '../support/teardown.js';
import { appending, beginning } from './feed/appending.js';
import { following, leaving } from './feed/following.js';
import type { FeedLimits, OpenFeed, Opens } from './feed/harness.js';
import { remembering } from './feed/remembering.js';

const GENEROUS: FeedLimits = { history: 1_000, historyBytes: 2 ** 22, ttlMs: 600_000 };

/** What every `Feed` guarantees. An implementation joins by saying how one that nobody else uses is opened. */
export function describeFeed(name: string, open: OpenFeed): void {
  const opens: Opens = async (limits) => {
    const { feed, dispose } = await open({ ...GENEROUS, ...limits });
    onTeardown(dispose);
    return feed;
  };
  describe(`${name} as a feed`, () => {
    describe('epochs', () => beginning(opens));
    describe('appending', () => appending(opens));
    describe('history', () => remembering(opens));
    describe('followers', () => following(opens));
    describe('closing', () => leaving(opens));
  });
}
