/** Takes updates and registrations into MongoDB: those of one batch or file one after another, in the order of arrival. */
import { clock } from '../../clock.js';
import type { FileId } from '../../domain/id.js';
import { type Claimant, VALIDATOR } from '../../domain/ownership.js';
import { portions } from '../../portions.js';
import { SharedCalls } from '../../shared-calls.js';
import { REGISTERED_AT_ONCE, type Registration, type UpdateStore } from '../store.js';
import { AmbiguousWrites } from './ambiguous-writes.js';
import type { AnnouncedMarks } from './announced-marks.js';
import type { HeldUpdates } from './batches/held-updates.js';
import { incompleteBatches, markStalledBatches } from './batches/incomplete-batches.js';
import type { RecentWrites } from './batches/recent-writes.js';
import { failBatchByHand, fileOfBatch, saveUpdate } from './batches/save-update.js';
import type { BackgroundCleanUp } from './clean-up/sweep.js';
import { confirmRead } from './confirmation.js';
import type { MongoConnection } from './connection.js';
import type { FileDoc } from './documents/files.js';
import { batchLock, fileLock, type KeyedLock } from './keyed-lock.js';
import type { Models } from './models.js';
import { checkRegistration, register } from './registration/register.js';

/** New batches of one registration that are remembered. More would push out those of all other files. */
const MAX_REMEMBERED = 256;

export function mongoUpdates(
  connection: MongoConnection,
  locks: KeyedLock,
  held: HeldUpdates,
  recent: RecentWrites,
  marks: AnnouncedMarks,
  cleanUp: BackgroundCleanUp,
): UpdateStore {
  const ambiguous = new AmbiguousWrites();
  const files = new SharedCalls<FileId, FileDoc | null>();
  const registerWith = (db: Models, claimant: Claimant) => (registration: Registration) =>
    register(db, held, registration, claimant, {
      replaced: (ended) => {
        recent.forgetAll();
        cleanUp.clean(ended);
      },
      placed: (batches) => {
        if (batches.length <= MAX_REMEMBERED) for (const placed of batches) recent.rememberBatch(placed);
      },
    });
  return {
    fileOfBatch: (batchId) => connection.run((db) => fileOfBatch(db, batchId, recent)),
    register: (registration, claimant) =>
      locks.run([fileLock(registration.fileId, true)], (db) =>
        ambiguous.run(
          `file ${registration.fileId}`,
          async () => {
            const answer = await registerWith(db, claimant)(registration);
            if (answer.outcome === 'unchanged' || answer.outcome === 'superseded') await confirmRead(db);
            return answer;
          },
          (answer) =>
            answer.outcome === 'unchanged'
              ? {
                  ...answer,
                  outcome: 'extended',
                  touched: registration.batches.map(({ batchId }) => batchId),
                }
              : answer,
        ),
      ),
    // A registration applies what is held by itself: no other write waits for that.
    applyDue: async () => false,
    due: async () => [],
    checkRegistration: (registration, claimant) =>
      connection.run((db) => checkRegistration(db, registration, claimant)),
    registrationSlices: async (batches) => portions(batches, REGISTERED_AT_ONCE),
    save(update, sender) {
      const { batchId, fileId } = update;
      const batchAndFile = [batchLock(batchId), ...(fileId === null ? [] : [fileLock(fileId, false)])];
      return locks.run(batchAndFile, (db) =>
        ambiguous.run(
          `batch ${batchId}`,
          async () => {
            const deps = { held, recent, marks, files, register: registerWith(db, sender) };
            const saved = await saveUpdate(db, update, sender, deps);
            if (saved.outcome === 'superseded') await confirmRead(db);
            return saved;
          },
          (saved) => (saved.outcome === 'unchanged' ? { ...saved, outcome: 'applied' } : saved),
        ),
      );
    },
    fail: (fileId, batchId, reason, claimant = VALIDATOR) =>
      locks.run([batchLock(batchId), fileLock(fileId, false)], (db) =>
        failBatchByHand(db, { fileId, batchId, reason }, claimant),
      ),
    markStalled: (silence) => connection.run((db) => markStalledBatches(db, silence)),
    incompleteBatches: (query) => connection.run((db) => incompleteBatches(db, query)),
    heldCounts: () => connection.run((db) => held.counts(db)),
    dropExpired: () => connection.run((db) => held.dropExpired(db, clock.now())),
  };
}
