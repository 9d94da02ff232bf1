/** Deletes in the background what ended generations have left in MongoDB, and completes what a dead gateway left half done. */
import { trusted } from 'mongoose';
import { clock } from '../../../clock.js';
import { HOUR_MS } from '../../../domain/durations.js';
import type { FileId, Generation } from '../../../domain/id.js';
import { TOMBSTONE_MS } from '../../attribution.js';
import { sweepUnconfirmedChunks } from '../batches/chunks.js';
import type { HeldUpdates } from '../batches/held-updates.js';
import type { MongoConnection } from '../connection.js';
import { discardDeadLettersOfFile } from '../dead-letters.js';
import { findFile } from '../generations.js';
import { findDocs, type Models } from '../models.js';
import { countFiles, forgetCounted } from '../overview.js';
import { completeRegistration } from '../registration/pending-registrations.js';
import { sweepLostSlices, sweepSubmissions } from '../submissions/submission-docs.js';
import { cleanGeneration, type EndedGeneration } from './clean-generation.js';

const SWEEP_MS = 30_000;
/** By then every call that was under way when a generation ended has come to its end, too. */
const QUIET_MS = 60_000;
/** A tombstone of a current generation is dropped after this time. */
const STALE_MS = HOUR_MS;
/** Generations, or registrations, that one sweep looks at. */
const AT_ONCE = 256;

/** Deletes what is kept of a deleted file elsewhere, as far as it is of that generation. */
export type RemoveElsewhere = (fileId: FileId, generation: Generation) => Promise<void>;

export interface SweepOptions {
  readonly stopping?: AbortSignal;
  /** The gateway that has deleted the file may have died before. Where it fails, the next sweep tries again. */
  readonly removeElsewhere?: RemoveElsewhere | undefined;
}

/** Cleans up in the background, now and then also what another gateway left half done when it died. */
export class BackgroundCleanUp {
  readonly #sweeping: NodeJS.Timeout;

  constructor(
    private readonly connection: MongoConnection,
    held: HeldUpdates,
    /** Gets the reason each time cleaning up has failed. */
    private readonly onProblem: ((reason: Error) => void) | undefined,
    removeElsewhere: RemoveElsewhere | undefined,
  ) {
    this.#sweeping = setInterval(
      () => this.#run((db, stopping) => sweep(db, held, clock.now(), { stopping, removeElsewhere })),
      SWEEP_MS,
    );
    this.#sweeping.unref();
  }

  /** Where this fails, the sweep cleans the generation. */
  clean(ended: EndedGeneration): void {
    this.#run((db, stopping) => cleanGeneration(db, ended, { stopping, isInBackground: true }));
  }

  close(): void {
    clearInterval(this.#sweeping);
  }

  #run(work: (db: Models, stopping: AbortSignal) => Promise<unknown>): void {
    const { stopping } = this.connection;
    const problem = (reason: Error) => stopping.aborted || this.onProblem?.(reason);
    this.connection.run((db) => work(db, stopping)).catch(problem);
  }
}

/** Cleans generations that are over, completes registrations, and drops chunks without a reference. */
export async function sweep(
  db: Models,
  held: HeldUpdates,
  now: number,
  { stopping, removeElsewhere }: SweepOptions = {},
): Promise<void> {
  const quiet = trusted({ $lt: new Date(now - QUIET_MS) });
  const generations = await findDocs(db.tombstones, { cleaned: false, endedAt: quiet }, { limit: AT_ONCE });
  let isElsewhereAway = false;
  for (const generation of generations) {
    const { _id, fileId, endedAt } = generation;
    const current = await findFile(db, fileId);
    if (current?.generation === _id) {
      // Its writer then died, or lost a race: the generation is still current.
      if (endedAt.getTime() < now - STALE_MS) await db.tombstones.deleteOne({ _id, cleaned: false, endedAt });
      continue;
    }
    if (!(await cleanGeneration(db, generation, { stopping, isInBackground: true }))) return;
    // No call has answered yet that the file is gone: the one that removed it may not have come this far.
    if (generation.removed) await discardDeadLettersOfFile(db, fileId);
    if (current === null) {
      // Each failure may take seconds, for which the rest of the sweep would wait.
      isElsewhereAway ||= !(await succeeds(removeElsewhere?.(fileId, _id)));
      if (isElsewhereAway) continue;
    }
    const expireAt = new Date(endedAt.getTime() + TOMBSTONE_MS);
    await db.tombstones.updateOne({ _id, endedAt }, { $set: { cleaned: true, expireAt } });
  }
  const registering = await findDocs(
    db.files,
    { 'pending.at': quiet },
    { projection: { _id: 0 }, limit: AT_ONCE },
  );
  for (const file of registering)
    if (file.pending !== undefined) await completeRegistration(db, held, file, file.pending);
  await sweepSubmissions(db);
  await sweepUnconfirmedChunks(db, now);
  while (await countFiles(db)) if (stopping?.aborted) return;
  // About once an hour: they read every sum of the last hours, and an index of all slices.
  if (Math.random() >= SWEEP_MS / HOUR_MS) return;
  await forgetCounted(db, now);
  await sweepLostSlices(db);
}

const succeeds = (work: Promise<void> | undefined): Promise<boolean> =>
  Promise.resolve(work).then(
    () => true,
    () => false,
  );
