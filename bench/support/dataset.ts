/** Data directories with files of a given size. They are built once and kept for later runs. */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VALIDATOR } from '../../src/domain/ownership.js';
import { readUpdate } from '../../src/domain/read-update.js';
import { SCHEMA } from '../../src/store/sqlite/schema.js';
import { SqliteStore } from '../../src/store/sqlite-store.js';
import type { Store } from '../../src/store/store.js';
import { GatewayProcess } from './gateway.js';
import { resultText, updateText } from './updates.js';

/** Id of the only file of a data set. */
export const FILE = 'bench';
export const BATCH = 150;

const CACHE = join(tmpdir(), 'verigate-bench');
const SAVES_AT_ONCE = 64;

/** Data sets are rebuilt when the database's schema or the results in it change. */
const VERSION = createHash('sha256').update(SCHEMA).update(resultText(4_999)).digest('hex').slice(0, 12);

export interface Dataset {
  readonly directory: string;
  /** Deletes the directory. */
  remove(): void;
}

/** An empty data directory. */
export function emptyDataset(): Dataset {
  mkdirSync(CACHE, { recursive: true });
  const directory = mkdtempSync(join(CACHE, 'run-'));
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

/** A data directory with one file of `count` results. It is a copy, so the benchmark may change it. */
export async function datasetOf(count: number): Promise<Dataset> {
  const cached = await cachedFile(count);
  const copy = emptyDataset();
  cpSync(cached, copy.directory, { recursive: true });
  return copy;
}

/** Deletes the data sets kept between runs. */
export const forgetDatasets = (): void => rmSync(CACHE, { recursive: true, force: true });

async function cachedFile(count: number): Promise<string> {
  const directory = join(CACHE, `${VERSION}-${count}`);
  if (existsSync(directory)) return directory;
  mkdirSync(CACHE, { recursive: true });
  for (const entry of readdirSync(CACHE)) {
    const isOld = /^[0-9a-f]{12}-/.test(entry) && !entry.startsWith(VERSION);
    if (isOld) rmSync(join(CACHE, entry), { recursive: true, force: true });
  }
  process.stderr.write(`building a file of ${count} results, once\n`);
  const partial = mkdtempSync(join(CACHE, `${VERSION}-partial-`));
  await fill(partial, count);
  renameSync(partial, directory);
  return directory;
}

/**
 * Stores a complete file of this many results, `savesAtOnce` batches in parallel; `saved` gets the number of saved
 * batches.
 */
export async function fillStore(
  store: Store,
  count: number,
  savesAtOnce: number,
  saved: (batches: number) => unknown = () => undefined,
): Promise<void> {
  const batches = Array.from({ length: Math.ceil(count / BATCH) }, (_, index) => ({
    batchId: `${FILE}-${index}`,
    totalEmails: Math.min(BATCH, count - index * BATCH),
  }));
  const request = { requestId: 'request', userId: null, totalEmails: count, totalBatches: batches.length };
  await store.updates.register({ fileId: FILE, ...request, batches }, VALIDATOR);
  let next = 0;
  let done = 0;
  const work = async () => {
    for (let index = next++; index < batches.length; index = next++) {
      const { batchId, totalEmails } = batches[index] as (typeof batches)[number];
      const text = updateText({ batchId, first: index * BATCH, total: totalEmails }, totalEmails);
      await store.updates.save(readUpdate(JSON.parse(text)), VALIDATOR);
      await saved(++done);
    }
  };
  await Promise.all(Array.from({ length: savesAtOnce }, work));
}

async function fill(directory: string, count: number): Promise<void> {
  const store = await openStore(directory);
  await fillStore(store, count, SAVES_AT_ONCE);
  await store.close();
  // A gateway announces the results, as it would have while they came in, and shuts the database down in an orderly
  // way.
  const gateway = await GatewayProcess.start({ directory });
  await gateway.get(`/api/files/${FILE}/stats`);
  await gateway.stop();
}

/** Large enough that no benchmark meets a limit. */
export const STORE_LIMITS = {
  heldTtlMs: 86_400_000,
  maxHeldBytes: 2 ** 28,
  deadLetterTtlMs: 86_400_000,
  maxDeadLetterBytes: 2 ** 26,
};

export const openStore = (directory: string): Promise<SqliteStore> =>
  SqliteStore.open({ directory, ...STORE_LIMITS });
