import type { Config } from './config.js';
import type { Feed } from './feed/feed.js';
import { MemoryFeed } from './feed/memory-feed.js';
import { SqliteStore } from './store/sqlite-store.js';
import type { Store } from './store/store.js';

export interface Engine {
  readonly store: Store;
  readonly feed: Feed;
  /** What an operator should know of the choice. */
  readonly note: string;
}

/** Picks what holds the state. The only place that names a technology. */
export async function createEngine(config: Config): Promise<Engine> {
  switch (config.ENGINE) {
    case 'embedded':
      return {
        store: await SqliteStore.open({
          directory: config.DATA_DIR,
          heldTtlMs: config.HELD_TTL_MS,
          maxHeldBytes: config.MAX_HELD_BYTES,
          deadLetterTtlMs: config.DEAD_LETTER_TTL_MS,
          maxDeadLetterBytes: config.MAX_DEAD_LETTER_BYTES,
        }),
        feed: new MemoryFeed({
          history: config.FEED_HISTORY,
          historyBytes: config.FEED_HISTORY_BYTES,
          ttlMs: config.FEED_TTL_MS,
        }),
        note: 'one gateway only; no channels',
      };
    case 'distributed':
      throw new Error('the distributed engine is refused by the configuration');
  }
}
