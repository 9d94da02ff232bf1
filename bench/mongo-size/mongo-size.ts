import { JsonText } from '../../src/domain/json-text.js';
import { VALIDATOR } from '../../src/domain/ownership.js';
import { readUpdate } from '../../src/domain/read-update.js';
import { statsOf } from '../../src/domain/stats.js';
import { type BatchVersion, EMPTY_SUMMARY } from '../../src/domain/summary.js';
import { MongoStore } from '../../src/store/mongo-store.js';
import { BATCH, FILE, fillStore, STORE_LIMITS } from '../support/dataset.js';
import { type Figure, inTurns, ratios } from '../support/figures.js';
import { Server } from '../support/servers.js';
import { addressOf, updateText } from '../support/updates.js';
import { ownCpu } from '../support/usage.js';

const SMALL = 1_000;
const LARGE = 250_000;
const STEP = 5;
const ROUNDS = 5;
const PAGES = 50;
const FRESH_BATCHES = 20;
const SAVES_AT_ONCE = 4;
/** Batches announced by one flush. */
const FLUSHED_AT_ONCE = 32;
const GOAL = { atMost: 1.1 } as const;
/** For a search, and for a page of what is rare. */
const READ_GOAL = { atMost: 1.3 } as const;

type Action = (store: MongoStore, size: number, block: string) => Promise<void>;

const READS: Readonly<Record<string, Action>> = {
  'a search that finds one address': async (store, size) => {
    for (let n = 0; n < PAGES; n++)
      await store.results.page({ fileId: FILE, limit: 50, page: 1, email: addressOf(size >> 1) });
  },
  'a page of one rare result': async (store) => {
    for (let n = 0; n < PAGES; n++)
      await store.results.page({ fileId: FILE, limit: 1, page: 1, reason: ['blacklisted'], risk: ['high'] });
  },
};

const ACTIONS: Readonly<Record<string, Action>> = {
  'a page in the middle': async (store, size) => {
    for (let n = 0; n < PAGES; n++)
      await store.results.page({ fileId: FILE, limit: 50, page: Math.ceil(size / 50 / 2) });
  },
  [`a new batch of ${BATCH}, and its changes`]: async (store, size, block) => {
    for (let n = 0; n < FRESH_BATCHES; n++) await handled(store, `${size}-${block}-${n}`, BATCH);
  },
  [`${STEP} more results of a batch, and their changes`]: async (store, size, block) => {
    for (let count = STEP; count <= BATCH; count += STEP) await handled(store, `${size}-${block}`, count);
  },
};

/** Benchmark: does the size of a file in MongoDB change the cost of its next update? Each file has its own server. */
export async function mongoSize(): Promise<Figure[]> {
  const [small, large] = [await filled(SMALL), await filled(LARGE)];
  try {
    const figures: Figure[] = [];
    // Reads come first, while the small file has its original size.
    for (const [what, action] of Object.entries({ ...READS, ...ACTIONS })) {
      const servers: Record<'small' | 'large', number[]> = { small: [], large: [] };
      const measure =
        (side: 'small' | 'large', { store, server, size }: Side) =>
        async (round: number) => {
          if (round === 0) await action(store, size, `${what}-warm`);
          const before = server.cpu;
          const own = await ownCpu(() => action(store, size, `${what}-${round}`));
          servers[side].push(server.cpu - before);
          return own;
        };
      const own = await inTurns(ROUNDS, { small: measure('small', small), large: measure('large', large) });
      figures.push(
        {
          what: `${what}: CPU of the gateway`,
          unit: '×',
          values: ratios(own.large, own.small),
          goal: what in READS ? READ_GOAL : GOAL,
        },
        { what: `${what}: CPU of the database`, unit: '×', values: ratios(servers.large, servers.small) },
      );
    }
    return figures;
  } finally {
    for (const { store, server } of [small, large]) {
      await store.close();
      await server.stop();
    }
  }
}

interface Side {
  readonly store: MongoStore;
  readonly server: Server;
  readonly size: number;
}

const stats = JsonText.of(
  statsOf({
    fileId: FILE,
    facts: null,
    totals: EMPTY_SUMMARY,
    cursor: { epoch: 'bench', revision: 1 },
    recentRate: 0,
  }),
);

/** The announced state of each batch, as the feed would have it. */
const announced = new Map<string, BatchVersion>();

/** Handles an update as the pipeline does: stores it, reads the changes, marks them announced. */
async function handled(store: MongoStore, batchId: string, count: number): Promise<void> {
  await store.updates.save(update(batchId, count), VALIDATOR);
  const known = announced.get(batchId) ?? { version: 0, summary: EMPTY_SUMMARY };
  const changes = await store.changes.since(FILE, new Map([[batchId, known]]));
  const [batch] = changes?.batches ?? [];
  if (changes === null || batch === undefined) throw new Error('there is no change');
  announced.set(batchId, batch);
  const marked = { changes: changes.changes, batches: new Map([[batchId, batch.version]]) };
  await store.changes.markAnnounced(FILE, changes.facts.generation, marked, stats);
}

const update = (batchId: string, count: number) =>
  readUpdate(JSON.parse(updateText({ batchId, fileId: FILE, first: 0, total: BATCH }, count)));

async function filled(size: number): Promise<Side> {
  process.stderr.write(`filling a database with ${size} results\n`);
  const server = await Server.mongo();
  const store = MongoStore.open({ uri: server.url, ...STORE_LIMITS });
  // Read as the batches come in, as a gateway does that flushes.
  const readChanges = (batches: number) =>
    batches % FLUSHED_AT_ONCE === 0 && store.changes.since(FILE, new Map());
  await fillStore(store, size, SAVES_AT_ONCE, readChanges);
  const states = await store.files.batches(FILE);
  const changes = await store.changes.since(FILE, new Map());
  if (changes === null) throw new Error('the file is gone');
  for (let start = 0; start < states.length; start += FLUSHED_AT_ONCE) {
    const batches = new Map(
      states.slice(start, start + FLUSHED_AT_ONCE).map(({ batchId, version }) => [batchId, version]),
    );
    await store.changes.markAnnounced(
      FILE,
      changes.facts.generation,
      { changes: changes.changes, batches },
      stats,
    );
  }
  return { store, server, size };
}
