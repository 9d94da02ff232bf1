/**
 * Purges finished files after their time: each goes on as a generation that has the totals of its results but not the results;
 * the generation before it is cleaned like one that was replaced.
 */
import { clock } from '../../clock.js';
import type { FileId } from '../../domain/id.js';
import { add, EMPTY_SUMMARY, type Summary } from '../../domain/summary.js';
import { endsWithPurged } from '../submission-rules.js';
import type { Database } from './database.js';
import { CURRENT, endGeneration, findGeneration, type GenerationRow, REPLACED } from './generations.js';
import { endSubmissionsOf } from './submissions/submission-rows.js';

/** Files purged in one go. */
const FILES_AT_ONCE = 16;
/** Batches whose summaries are read in one go. */
const BATCHES_AT_ONCE = 2_000;

/** A file that is to be purged, as it was when that was found out. */
export type FinishedFile = Pick<GenerationRow, 'generation' | 'changes'>;

/** Some of the files that finished before a time. */
export const finishedFiles = (db: Database, before: number): FinishedFile[] =>
  db.all(
    `SELECT generation, changes FROM generations
     WHERE state = 0 AND purged IS NULL AND finishedAt < ? AND changes = announcedChanges
     ORDER BY finishedAt LIMIT ${FILES_AT_ONCE}`,
    before,
  );

export interface SomeBatches {
  readonly sum: Summary;
  /** Ordinal of the batch that follows them; null: there is none. */
  readonly next: number | null;
}

/** What some of a file's batches add up to, from an ordinal on. */
export function sumOfBatches(db: Database, generation: number, from: number): SomeBatches {
  const rows = db.all<{ ordinal: number; summary: string }>(
    `SELECT ordinal, summary FROM batches WHERE generation = ? AND ordinal >= ? ORDER BY ordinal LIMIT ${BATCHES_AT_ONCE}`,
    generation,
    from,
  );
  const last = rows.at(-1);
  return {
    sum: rows.reduce((sum, { summary }) => add(sum, JSON.parse(summary) as Summary), EMPTY_SUMMARY),
    next: last === undefined || rows.length < BATCHES_AT_ONCE ? null : last.ordinal + 1,
  };
}

/** Purges a file, of which `totals` is the sum of all batches; null: it has changed since. */
export function purgeFile(
  db: Database,
  { generation, changes }: FinishedFile,
  totals: Summary,
): FileId | null {
  const before = findGeneration(db, generation);
  if (before?.state !== CURRENT || before.changes !== changes) return null;
  endGeneration(db, before, REPLACED, clock.now());
  endSubmissionsOf(db, before.fileId, (submission) => endsWithPurged(submission, before.requestId));
  db.run(
    `INSERT INTO generations (fileId, requestId, userId, producer, totalEmails, totalBatches, createdAt, updatedAt, lastMessageAt,
       finishedAt, changes, submission, purged)
     SELECT fileId, requestId, ?, ?, totalEmails, totalBatches, createdAt, updatedAt, lastMessageAt, finishedAt, 1, submission, ?
     FROM generations WHERE generation = ?`,
    before.userId,
    before.producer,
    JSON.stringify(totals),
    generation,
  );
  return before.fileId;
}
