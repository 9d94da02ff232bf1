/** Deletes files on request, and the addresses of finished files after their time. */

import { randomUUID } from 'node:crypto';
import { trusted } from 'mongoose';
import { clock } from '../../../clock.js';
import type { FileId } from '../../../domain/id.js';
import { type Claimant, mayReplace } from '../../../domain/ownership.js';
import { add, EMPTY_SUMMARY } from '../../../domain/summary.js';
import { foreignFile } from '../../attribution.js';
import { endsWithPurged, mayEndSubmission } from '../../submission-rules.js';
import type { AnnouncedMarks } from '../announced-marks.js';
import { discardDeadLettersOfFile } from '../dead-letters.js';
import { addDeletion } from '../deliveries.js';
import type { TombstoneDoc } from '../documents/files.js';
import { unavailable } from '../errors.js';
import { batchStates } from '../file-reads.js';
import { findFile, ownershipOf, writeTombstone } from '../generations.js';
import { eachDoc, findDocs, type Models } from '../models.js';
import { markedBatches } from '../outbox.js';
import { uncountFile } from '../overview.js';
import { dropSubmissions, endSubmissionsOf, submissionIdsOf } from '../submissions/submission-docs.js';
import { cleanGeneration, type EndedGeneration } from './clean-generation.js';

const FILES_AT_ONCE = 16;

const WITHOUT_RESULTS = { status: 'purged', next: 0, changes: 1, stats: null } as const;

/**
 * Deletes a file and every trace of its addresses; false: there is no such file. The tombstone of its generation is written
 * first; then the file's document goes, in one write. Wherever this is interrupted after that, no call answers anything of
 * the file, and the next call, or the sweep of any gateway, finishes the deletion.
 * @throws Fault `file_not_found` where the file is another's; `unavailable` where the gateway stops meanwhile
 */
export async function removeFile(
  db: Models,
  fileId: FileId,
  claimant: Claimant,
  stopping: AbortSignal,
): Promise<boolean> {
  // The submissions of the file that this call deletes: one that begins later is of the file that comes after it.
  let ofFile: ReadonlySet<string> = new Set();
  for (let isFirst = true; ; isFirst = false) {
    const file = await findFile(db, fileId);
    if (file === null) break;
    if (!mayReplace(claimant, ownershipOf(file))) {
      if (isFirst) throw foreignFile();
      // Another call has deleted the claimant's file meanwhile, and this one has its id.
      break;
    }
    const begun = await submissionIdsOf(db, fileId);
    await addDeletion(db, file);
    await writeTombstone(db, file, true);
    const { deletedCount } = await db.files.deleteOne({
      ...(await uncountFile(db, file)),
      fileId,
      generation: file.generation,
      requestId: file.requestId,
      // Its owner is still the one who was asked about.
      userId: file.userId,
    });
    if (deletedCount === 0) continue;
    ofFile = begun;
    break;
  }
  const ended = await findDocs(db.tombstones, { fileId, cleaned: false });
  const over: TombstoneDoc[] = [];
  for (const generation of ended) {
    if ((await findFile(db, fileId))?.generation === generation._id) continue;
    if (!(await cleanGeneration(db, generation, { stopping }))) throw unavailable('the gateway is stopping');
    over.push(generation);
  }
  await dropSubmissions(
    db,
    fileId,
    (submission) => ofFile.has(submission.id) || mayEndSubmission(claimant, submission),
  );
  await discardDeadLettersOfFile(db, fileId);
  // Of two calls at once, or of a first try and a second, one answers that there was a file, once nothing of it remains.
  let existed = false;
  for (const { _id, removed } of over) {
    if (!removed) continue;
    const answered = { $set: { removed: false } };
    const { modifiedCount } = await db.tombstones.updateOne({ _id, removed: true }, answered);
    existed ||= modifiedCount === 1;
  }
  return existed;
}

/**
 * Purges some of the files that finished before a time. Each goes on, in one write, as a generation that has the totals of its
 * results but not the results. `ended` gets the generation before it, which is cleaned like one that was replaced.
 */
export async function purgeFiles(
  db: Models,
  before: number,
  marks: AnnouncedMarks,
  ended: (generation: EndedGeneration) => void,
): Promise<FileId[]> {
  const finished = eachDoc(
    db.files,
    {
      status: trusted({ $in: ['completed', 'failed'] }),
      completedAt: trusted({ $lt: new Date(before) }),
      unannounced: trusted({ $exists: false }),
      pending: trusted({ $exists: false }),
    },
    { projection: { _id: 0 }, sort: { completedAt: 1 } },
  );
  const purged: FileId[] = [];
  for await (const file of finished) {
    if (purged.length === FILES_AT_ONCE) break;
    const { fileId, generation, requestId, changes, statsAt } = file;
    // It has had an update since, which its count does not have yet.
    if ((await markedBatches(db, [generation], marks)).length > 0) continue;
    const batches = await batchStates(db, fileId);
    const totals = batches.reduce((sum, { summary }) => add(sum, summary), EMPTY_SUMMARY);
    await writeTombstone(db, file, false);
    // Only as it was when it was added up: a file that has changed since is left for a later call.
    const { modifiedCount } = await db.files.updateOne(
      {
        fileId,
        generation,
        requestId,
        changes,
        'statsAt.revision': statsAt?.revision ?? null,
        pending: trusted({ $exists: false }),
      },
      {
        $set: {
          ...WITHOUT_RESULTS,
          unannounced: clock.date(),
          generation: randomUUID(),
          purged: JSON.stringify(totals),
        },
        $unset: { statsAt: 1 },
      },
    );
    if (modifiedCount === 0) continue;
    await endSubmissionsOf(db, fileId, (submission) => endsWithPurged(submission, requestId));
    ended({ _id: generation, fileId, requestId });
    purged.push(fileId);
  }
  return purged;
}
