/** Files in SQLite: found, listed and ended, with the states and counts of their batches. */
import { clock } from '../../clock.js';
import type { BatchId, FileId } from '../../domain/id.js';
import { type Claimant, mayReplace } from '../../domain/ownership.js';
import type { FileFacts } from '../../domain/stats.js';
import type { Summary } from '../../domain/summary.js';
import { foreignFile } from '../attribution.js';
import { batchCounts } from '../batch-progress.js';
import type {
  BatchCounts,
  BatchesQuery,
  BatchState,
  BatchStatus,
  FilesQuery,
  ListedBatch,
  ListedFile,
} from '../store.js';
import { mayEndSubmission } from '../submission-rules.js';
import { deletionOf } from '../webhook-events.js';
import { type BatchRow, batchOf, failBatch } from './batches/batches.js';
import type { Bind, Database } from './database.js';
import { discardDeadLettersOfFile } from './dead-letters.js';
import { addEvents } from './deliveries.js';
import {
  CURRENT,
  currentGeneration,
  endGeneration,
  factsOf,
  findGeneration,
  type GenerationRow,
  iso,
  ownershipOf,
  REMOVED,
} from './generations.js';
import { overview } from './overview.js';
import { finishedFiles, purgeFile, sumOfBatches } from './purging.js';
import { endSubmissionsOf } from './submissions/submission-rows.js';

function findFile(db: Database, fileId: FileId): FileFacts | null {
  const current = currentGeneration(db, fileId);
  return current === undefined ? null : factsOf(current);
}

/** The current file that a batch is registered for. */
export function fileOfBatch(db: Database, batchId: BatchId): FileId | null {
  const batch = batchOf(db, batchId);
  const generation = batch === undefined ? undefined : findGeneration(db, batch.generation);
  return generation?.state === CURRENT ? generation.fileId : null;
}

/** False: the file has no such batch. */
export function failBatchOfFile(
  db: Database,
  fileId: FileId,
  batchId: BatchId,
  reason: string,
  claimant: Claimant,
  now: number,
): boolean {
  const current = currentGeneration(db, fileId);
  refuseForeign(current, claimant);
  const batch = batchOf(db, batchId);
  if (current === undefined || batch?.generation !== current.generation) return false;
  failBatch(db, batch, reason, now);
  return true;
}

/** Ends a file with its dead letters and submissions; of one that does not exist, those of the claimant. `isClean`: there is nothing to clean up. */
function endFile(db: Database, fileId: FileId, claimant: Claimant): { existed: boolean; isClean: boolean } {
  const now = clock.now();
  const current = currentGeneration(db, fileId);
  refuseForeign(current, claimant);
  const discarded = discardDeadLettersOfFile(db, fileId);
  const hadSubmissions = endSubmissionsOf(
    db,
    fileId,
    (submission) => current !== undefined || mayEndSubmission(claimant, submission),
  );
  if (current !== undefined) {
    addEvents(db, [deletionOf({ ...current, fileId, ownerId: current.userId }, now)]);
    endGeneration(db, current, REMOVED, now);
  }
  return {
    existed: current !== undefined,
    isClean: current === undefined && discarded === 0 && !hadSubmissions,
  };
}

/** @throws Fault `file_not_found` where the file is another's */
function refuseForeign(current: GenerationRow | undefined, claimant: Claimant): void {
  if (current !== undefined && !mayReplace(claimant, ownershipOf(current))) throw foreignFile();
}

const CURRENT_FILES = 'SELECT * FROM generations WHERE state = 0';
const NEWEST_FIRST = 'ORDER BY createdAt DESC, fileId DESC';

/** Files, newest first. A viewer's own files and the named ones are two lists, each cut before they are joined. */
function listFiles(db: Database, { limit, after, viewer = null }: FilesQuery): ListedFile[] {
  const beyond = after === null ? '' : 'AND (createdAt, fileId) < (?, ?)';
  const from: Bind[] = after === null ? [] : [Date.parse(after.createdAt), after.fileId];
  const part = (condition: string) =>
    `SELECT * FROM (${CURRENT_FILES} ${condition} ${beyond} ${NEWEST_FIRST} LIMIT ?)`;
  const rows =
    viewer === null
      ? db.all<GenerationRow>(`${CURRENT_FILES} ${beyond} ${NEWEST_FIRST} LIMIT ?`, ...from, limit)
      : db.all<GenerationRow>(
          `SELECT * FROM (${part('AND userId = ?')} UNION ${part('AND fileId IN (SELECT value FROM json_each(?))')})
           ${NEWEST_FIRST} LIMIT ?`,
          ...[viewer.userId, ...from, limit],
          ...[JSON.stringify(viewer.fileIds), ...from, limit],
          limit,
        );
  return rows.map((row) => ({
    facts: factsOf(row),
    stats: row.stats,
    isPending: row.changes !== row.announcedChanges,
  }));
}

/** Batches read in one go: of the thousands that a large file has, all at once would be garbage that stays for long. */
const BATCHES_IN_A_SLICE = 500;

/** The batches of a generation that were read last, and where they end. */
export interface BatchSlice {
  readonly generation: number;
  readonly states: readonly BatchState[];
  /** Null: these were the last. */
  readonly end: number | null;
}

/**
 * The next batches of a file's current request, in the order of registration. Null: there is no such file. If another request has
 * replaced that of the slice before, the first ones.
 */
function batchSlice(
  db: Database,
  fileId: FileId,
  before: Omit<BatchSlice, 'states'> | null,
): BatchSlice | null {
  const generation = currentGeneration(db, fileId)?.generation;
  if (generation === undefined) return null;
  const rows = db.all<StateRow>(
    `SELECT ordinal, ${STATE_COLUMNS} FROM batches WHERE generation = ? AND ordinal > ? ORDER BY ordinal LIMIT ?`,
    generation,
    before?.generation === generation ? (before.end ?? -1) : -1,
    BATCHES_IN_A_SLICE,
  );
  const end = rows.length < BATCHES_IN_A_SLICE ? null : (rows.at(-1)?.ordinal ?? null);
  return { generation, states: rows.map(batchStateOf), end };
}

/** Some of them, the newest first. */
function batchPage(db: Database, { fileId, limit, before, status }: BatchesQuery): ListedBatch[] {
  const current = currentGeneration(db, fileId);
  if (current === undefined) return [];
  const rows = db.all<StateRow>(
    `SELECT ordinal, ${STATE_COLUMNS} FROM batches
     WHERE generation = ?1 AND ordinal < ?2 AND (?3 IS NULL OR status = ?3) ORDER BY ordinal DESC LIMIT ?4`,
    current.generation,
    before ?? Number.MAX_SAFE_INTEGER,
    status ?? null,
    limit,
  );
  return rows.map((row) => ({ ...batchStateOf(row), ordinal: row.ordinal }));
}

const STATE_COLUMNS = 'batchId, version, summary, status, lastUpdateAt';
type StateRow = Pick<BatchRow, 'ordinal' | 'batchId' | 'version' | 'summary' | 'lastUpdateAt'> & {
  readonly status: BatchStatus;
};

const batchStateOf = ({ batchId, version, summary, status, lastUpdateAt }: StateRow): BatchState => ({
  batchId,
  version,
  summary: JSON.parse(summary) as Summary,
  status,
  lastUpdated: iso(lastUpdateAt),
});

const countBatches = (db: Database, fileId: FileId): BatchCounts =>
  batchCounts(
    db.all<{ status: BatchStatus; count: number; since: number }>(
      `SELECT status, count(*) AS count, min(lastUpdateAt) AS since
       FROM batches WHERE generation = (SELECT generation FROM generations WHERE fileId = ? AND state = 0) GROUP BY 1`,
      fileId,
    ),
  );

export const fileWrites = { find: findFile, end: endFile, finished: finishedFiles, purge: purgeFile };
export const fileReads = {
  list: listFiles,
  batchSlice,
  batchPage,
  batchCounts: countBatches,
  sumOfBatches,
  overview,
};
