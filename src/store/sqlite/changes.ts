/** What was stored and is not announced yet, read and marked in SQLite. */
import { clock } from '../../clock.js';
import type { BatchId, FileId, Generation } from '../../domain/id.js';
import { charsOf } from '../../domain/result.js';
import type { Stats } from '../../domain/stats.js';
import type { BatchVersion, Summary } from '../../domain/summary.js';
import { BoundedChanges } from '../bounded-results.js';
import { differenceSince } from '../rewrites.js';
import type { BatchChanges, FileChanges, PendingChanges, Unannounced } from '../store.js';
import {
  type AnnouncedState,
  eventsBetween,
  type FileEvent,
  mayTriggerEvent,
  stateOf,
} from '../webhook-events.js';
import { type BatchRow, batchOf } from './batches/batches.js';
import type { Database } from './database.js';
import { addEvents } from './deliveries.js';
import { CURRENT, currentGeneration, factsOf, findGeneration, type GenerationRow } from './generations.js';
import { type FileCounts, recount } from './overview.js';
import { resultsAt } from './results/results.js';

/** What was announced of a batch, and the fingerprint of the list that the caller has: that list need not be read. */
export interface KnownBatch extends BatchVersion {
  readonly fingerprint?: string | undefined;
}

/** `positions`: where the changed results are in the list that the caller has; null: they are in `results`. */
type FoundBatch = BatchChanges & { readonly positions: readonly number[] | null };
type FoundChanges = Omit<FileChanges, 'batches'> & { readonly batches: readonly FoundBatch[] };

function changesSince(
  db: Database,
  fileId: FileId,
  announced: ReadonlyMap<BatchId, KnownBatch>,
): FoundChanges | null {
  const generation = currentGeneration(db, fileId);
  if (generation === undefined) return null;
  const batches: FoundBatch[] = [];
  const bounded = new BoundedChanges();
  for (const [batchId, known] of announced) {
    const row = batchOf(db, batchId);
    if (row?.generation !== generation.generation || row.version === known.version) continue;
    if (!bounded.fits(batchId)) continue;
    const changes = batchChangesOf(db, row, known);
    batches.push(changes);
    bounded.took(charsOf(changes.results));
  }
  return { facts: factsOf(generation), changes: generation.changes, batches, left: bounded.left };
}

function batchChangesOf(db: Database, row: BatchRow, announced: KnownBatch): FoundBatch {
  const { positions, isShorter } = differenceSince(row, announced);
  const isKnown = announced.fingerprint === row.fingerprint;
  return {
    batchId: row.batchId,
    version: row.version,
    summary: JSON.parse(row.summary) as Summary,
    results: isKnown ? [] : resultsAt(db, row, positions),
    positions: isKnown ? positions : null,
    truncated: isShorter ? { batchId: row.batchId, length: row.length } : null,
  };
}

interface AnnouncedStats {
  readonly state: AnnouncedState;
  readonly json: string;
  readonly counted: FileCounts;
  readonly finishedAt: number | null;
}

/** Keeps a file's stats, and in the same transaction the events that webhooks get of them. */
function markAnnounced(
  db: Database,
  generation: Generation,
  changes: number | null,
  { state, json, counted, finishedAt }: AnnouncedStats,
): void {
  const row = findGeneration(db, Number(generation));
  if (row?.state !== CURRENT) return;
  if (mayTriggerEvent(state)) addEvents(db, eventsOf(row, state, json, clock.now()));
  const userId = row.userId;
  const text = JSON.stringify(counted);
  if (text !== row.counted) recount(db, { userId, counted: row.counted }, { userId, counted: text });
  db.run(
    'UPDATE generations SET stats = ?, counted = ?, announcedChanges = coalesce(?, announcedChanges), finishedAt = ? WHERE generation = ?',
    json,
    text,
    changes,
    finishedAt,
    row.generation,
  );
}

function eventsOf(row: GenerationRow, after: AnnouncedState, data: string, at: number): FileEvent[] {
  const before = row.stats === null ? null : stateOf(JSON.parse(row.stats) as Stats);
  return eventsBetween(before, after).map((type) => ({
    id: `${row.generation} ${row.changes} ${type}`,
    type,
    fileId: row.fileId,
    ownerId: row.userId,
    at,
    data,
  }));
}

const findUnannounced = (db: Database): Unannounced[] =>
  db
    .all<{ fileId: string }>('SELECT fileId FROM generations WHERE state = 0 AND changes <> announcedChanges')
    .map(({ fileId }) => ({ fileId, batchIds: [] }));

/** Which batches have changed is not kept: the one gateway of this store knows. */
function pendingChanges(db: Database, fileId: FileId): PendingChanges | null {
  const current = currentGeneration(db, fileId);
  if (current === undefined) return null;
  const { generation, userId, changes, announcedChanges } = current;
  return {
    generation: String(generation),
    userId,
    ofFile: changes !== announcedChanges,
    batches: new Map(),
  };
}

export const changeWrites = {
  since: changesSince,
  markAnnounced,
  unannounced: findUnannounced,
  pending: pendingChanges,
};
