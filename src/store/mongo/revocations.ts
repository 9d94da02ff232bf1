/** The revocations of users' tokens, in MongoDB. The mark is a time of the database, in milliseconds since 1970. */
import { trusted } from 'mongoose';
import type { Revocation } from '../revocations.js';
import { isDuplicate } from './errors.js';
import { findDocs, type Models } from './models.js';

/** A revocation may be seen this much later than one with a later time: the clocks of two primaries differ. */
const OVERLAP_MS = 60_000;

export const revocationCalls = { add: addRevocation, since: revocationsSince };

async function addRevocation(db: Models, { sub, at }: Revocation): Promise<void> {
  const add = () =>
    db.revocations.updateOne(
      { _id: sub },
      { $max: { at: new Date(at) }, $currentDate: { addedAt: { $type: 'date' } } },
      { upsert: true },
    );
  try {
    await add();
  } catch (error) {
    // Another gateway has inserted it at the same time.
    if (!isDuplicate(error)) throw error;
    await add();
  }
}

async function revocationsSince(db: Models, mark: number | null) {
  const docs = await findDocs(
    db.revocations,
    mark === null ? {} : { addedAt: trusted({ $gte: new Date(mark - OVERLAP_MS) }) },
  );
  return {
    revocations: docs.map(({ _id, at }): Revocation => ({ sub: _id, at: at.getTime() })),
    mark: docs.reduce((newest, { addedAt }) => Math.max(newest, addedAt.getTime()), mark ?? 0),
  };
}
