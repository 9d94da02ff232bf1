/** The slices of submissions in MongoDB, their addresses, and the map from rows to addresses. */
import { piecesOf } from '../../stored-pieces.js';
import type { NewSlice, Slice } from '../../submissions.js';
import type { SliceDoc, SubmissionPieceDoc } from '../documents/submissions.js';
import { findFields, type Models } from '../models.js';
import { findSubmission, MAP } from './submission-docs.js';

export async function addSlice(db: Models, id: string, owner: string, slice: NewSlice): Promise<boolean> {
  const { number, emails, addresses } = slice;
  return whilePrepared(db, id, owner, async () => {
    await db.slices.insertMany(
      [{ submission: id, number, state: 'waiting', isOpen: true, emails, attempt: null, acceptance: null }],
      { lean: true },
    );
    for (const [piece, body] of piecesOf(addresses).entries()) await addPiece(db, id, number, piece, body);
  });
}

export const addRows = (
  db: Models,
  id: string,
  owner: string,
  part: number,
  text: string,
): Promise<boolean> => whilePrepared(db, id, owner, () => addPiece(db, id, MAP, part, text));

/** Looks before and afterwards: a deletion in between would leave addresses behind. */
async function whilePrepared(
  db: Models,
  id: string,
  owner: string,
  add: () => Promise<unknown>,
): Promise<boolean> {
  const isOwner = async () => {
    const doc = await findSubmission(db, id);
    return doc !== null && doc.owner === owner && doc.state === 'preparing';
  };
  if (!(await isOwner())) return false;
  await add();
  if (await isOwner()) return true;
  await db.submissionPieces.deleteMany({ submission: id });
  await db.slices.deleteMany({ submission: id });
  return false;
}

const addPiece = (db: Models, submission: string, slice: number, piece: number, body: string) =>
  db.submissionPieces.insertMany([{ submission, slice, piece, body }], { lean: true });

const sliceOf = ({ number, state, emails, acceptance }: Slice): Slice => ({
  number,
  state,
  emails,
  acceptance,
});

export async function nextSlice(db: Models, submission: string): Promise<Slice | null> {
  const [next] = await findFields(
    db.slices,
    { submission, isOpen: true },
    ['number', 'state', 'emails', 'acceptance'],
    { sort: { number: 1 }, limit: 1 },
  );
  return next === undefined ? null : sliceOf(next);
}

export async function slicesOf(db: Models, submission: string): Promise<Slice[]> {
  const slices = await db.slices
    .find({ submission }, { _id: 0 })
    .sort({ number: 1 })
    .lean<SliceDoc[]>()
    .exec();
  return slices.map(sliceOf);
}

export async function addressesOf(db: Models, submission: string, slice: number): Promise<string | null> {
  const pieces = await db.submissionPieces
    .find({ submission, slice }, { _id: 0 })
    .sort({ piece: 1 })
    .lean<SubmissionPieceDoc[]>()
    .exec();
  return pieces.length === 0 ? null : pieces.map(({ body }) => body).join('');
}

export async function rowsPart(db: Models, submission: string, piece: number): Promise<string | null> {
  const found = await db.submissionPieces
    .findOne({ submission, slice: MAP, piece }, { _id: 0 })
    .lean<SubmissionPieceDoc>()
    .exec();
  return found?.body ?? null;
}
