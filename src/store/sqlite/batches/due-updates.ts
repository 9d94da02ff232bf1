/**
 * Held updates that are *due*: their batch is registered, and as they are long, or of many users, they are applied after that,
 * one after another, as if they came only then. What is cut off is due still.
 */
import type { BatchId, FileId } from '../../../domain/id.js';
import type { DueUpdates } from '../../updates.js';
import type { Database } from '../database.js';
import { dropSomeOf, dropSomeOfHeld, type MergedHeld, mergedHeld, type Taker } from './held-updates.js';

export interface DueRow {
  readonly batchId: BatchId;
  readonly generation: number;
  readonly userId: string | null;
  readonly isAdmin: number;
  readonly registeredAt: number;
  readonly isOver: number;
}

/** Makes what a registration gets of a batch due. `isOver`: its request is over, so that is deleted, some at a time. */
export function makeDue(
  db: Database,
  { batchId, generation, isOver }: Pick<DueRow, 'batchId' | 'generation'> & { readonly isOver: boolean },
  { userId, isAdmin, registeredAt }: Taker,
): void {
  const taker = { userId, isAdmin: Number(isAdmin), registeredAt };
  db.insert('due_updates', { batchId, generation, ...taker, isOver: Number(isOver) });
}

/** Of a batch that is registered anew: what was due of an earlier request is deleted. */
export function dropDue(db: Database, batchId: BatchId): void {
  const due = findDue(db, batchId);
  if (due === undefined) return;
  while (dropSomeOfHeld(db, batchId, takerOf(due)));
  endDue(db, batchId);
}

const isAnythingDue = (db: Database): boolean =>
  db.get('SELECT 1 AS some FROM due_updates LIMIT 1') !== undefined;

/** Those of some batches of which something is due, where there are any. */
export function dueAmong(db: Database, batchIds: readonly BatchId[]): { readonly due?: readonly BatchId[] } {
  if (!isAnythingDue(db)) return {};
  const due = batchIds.filter((batchId) => findDue(db, batchId)?.isOver === 0);
  return due.length > 0 ? { due } : {};
}

/** With the generation: what is due is deleted, some at a time. */
export const endDueOf = (db: Database, generation: number): unknown =>
  db.run('UPDATE due_updates SET isOver = 1 WHERE generation = ?', generation);

export const hasEndedDue = (db: Database): boolean =>
  db.get('SELECT 1 AS some FROM due_updates WHERE isOver = 1 LIMIT 1') !== undefined;

/** Deletes some of what is due of requests that are over; false: there is none. */
export function cleanUpDue(db: Database): boolean {
  const due = db.get<DueRow>('SELECT * FROM due_updates WHERE isOver = 1 LIMIT 1');
  if (due === undefined) return false;
  if (!dropSomeOfHeld(db, due.batchId, takerOf(due))) endDue(db, due.batchId);
  return true;
}

const findDue = (db: Database, batchId: BatchId): DueRow | undefined =>
  db.get<DueRow>('SELECT * FROM due_updates WHERE batchId = ?', batchId);

const endDue = (db: Database, batchId: BatchId): unknown =>
  db.run('DELETE FROM due_updates WHERE batchId = ?', batchId);

const fileOf = (db: Database, { generation }: DueRow): FileId | undefined =>
  db.get<{ fileId: FileId }>('SELECT fileId FROM generations WHERE generation = ?', generation)?.fileId;

const takerOf = ({ userId, isAdmin, registeredAt }: DueRow): Taker => ({
  userId,
  isAdmin: isAdmin === 1,
  registeredAt,
});

export const dueWrites = {
  /** All batches of which something is due. */
  all(db: Database): DueUpdates[] {
    const files = new Map<FileId, BatchId[]>();
    for (const { fileId, batchId } of db.all<{ fileId: FileId; batchId: BatchId }>(
      'SELECT fileId, batchId FROM due_updates JOIN generations USING (generation) WHERE isOver = 0',
    )) {
      const batchIds = files.get(fileId);
      if (batchIds === undefined) files.set(fileId, [batchId]);
      else batchIds.push(batchId);
    }
    return [...files].map(([fileId, batchIds]) => ({ fileId, batchIds }));
  },
  /** What is to be applied next; null: nothing is due of the file's batch. */
  next(db: Database, fileId: FileId, batchId: BatchId): MergedHeld | null {
    const due = findDue(db, batchId);
    if (due === undefined || due.isOver === 1) return null;
    // Another file may have the batch by now, and what is due of it.
    if (fileOf(db, due) !== fileId) return null;
    const merged = mergedHeld(db, batchId, takerOf(due));
    if (merged === null) {
      endDue(db, batchId);
      return null;
    }
    // The registration has decided whose it is.
    const envelope = { ...merged.envelope, fileId: null, requestId: null, generation: due.generation };
    return { ...merged, envelope };
  },
  /**
   * Deletes some of what was applied; false: nothing of it is left. Where its request is over by then, others may have its
   * numbers.
   */
  settle(db: Database, { envelope: { batchId, generation }, held }: Omit<MergedHeld, 'results'>): boolean {
    const due = findDue(db, batchId);
    return due?.generation === generation && due?.isOver === 0 && dropSomeOf(db, held);
  },
};
