/** The embedded engine: the store in SQLite, the feed in memory, and no server besides the gateway. */
import type { Config } from '../config.js';
import { MemoryFeed } from '../feed/memory-feed.js';
import { SqliteStore } from '../store/sqlite-store.js';
import { type Engine, feedLimits, storeLimits } from './engine.js';

/** One gateway with its state in a directory: SQLite, and a feed in memory. */
export async function openEmbedded(config: Config): Promise<Engine> {
  const store = await SqliteStore.open({
    directory: config.DATA_DIR,
    diskReserveBytes: config.DISK_RESERVE_BYTES,
    ...storeLimits(config),
  });
  return {
    store,
    feed: new MemoryFeed({ ...feedLimits(config), totalBytes: config.FEED_HISTORY_TOTAL_BYTES }),
    isShared: false,
    adapter: null,
    checks: {},
    verified: Promise.resolve(),
    probes: [{ dependency: 'database', run: () => store.probe() }],
    advice: async () => [],
    openInlets: null,
    note: 'one gateway only; no channels',
  };
}
