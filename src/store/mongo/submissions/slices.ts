/** The slices of submissions in MongoDB, their addresses, and the map from rows to addresses. */
import { piecesOf } from '../../stored-pieces.js';
import type { NewSlice, Slice } from '../../submissions.js';
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

export async function rowsPart(db: Models, submission: string, piece: number): Promise<string | null> {
  const [found] = await findFields(db.submissionPieces, { submission, slice: MAP, piece }, ['body']);
  return found?.body ?? null;
}
