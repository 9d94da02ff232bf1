/** The slices of submissions in MongoDB, and their addresses. */
import { textPortions } from '../../../portions.js';
import { type NewSlice, type Slice, STORED_PIECE_CHARS } from '../../submissions.js';
import { findFields, type Models } from '../models.js';
import { deleteSlices, findSubmission } from './submission-docs.js';

/** Looks before and afterwards: a deletion in between would leave addresses behind, until `sweepLostSlices`. */
export async function addSlice(db: Models, id: string, owner: string, slice: NewSlice): Promise<boolean> {
  if (!(await isPreparing(db, id, owner))) return false;
  const { number, emails, addresses } = slice;
  await db.slices.insertMany(
    [{ submission: id, number, state: 'waiting', isOpen: true, emails, attempt: null, acceptance: null }],
    { lean: true },
  );
  for (const [piece, body] of [...textPortions(addresses, STORED_PIECE_CHARS)].entries())
    await db.submissionPieces.insertMany([{ submission: id, slice: number, piece, body }], { lean: true });
  if (await isPreparing(db, id, owner)) return true;
  await deleteSlices(db, id);
  return false;
}

async function isPreparing(db: Models, id: string, owner: string): Promise<boolean> {
  const doc = await findSubmission(db, id);
  return doc !== null && doc.owner === owner && doc.state === 'preparing';
}

const SLICE = ['number', 'state', 'emails', 'acceptance'] as const;

export async function nextSlice(db: Models, submission: string): Promise<Slice | null> {
  const [next] = await findFields(db.slices, { submission, isOpen: true }, SLICE, {
    sort: { number: 1 },
    limit: 1,
  });
  return next ?? null;
}

export const slicesOf = (db: Models, submission: string): Promise<Slice[]> =>
  findFields(db.slices, { submission }, SLICE, { sort: { number: 1 } });

export async function addressesOf(db: Models, submission: string, slice: number): Promise<string | null> {
  const pieces = await findFields(db.submissionPieces, { submission, slice }, ['body'], {
    sort: { piece: 1 },
  });
  return pieces.length === 0 ? null : pieces.map(({ body }) => body).join('');
}
