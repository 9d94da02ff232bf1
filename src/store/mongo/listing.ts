import { trusted } from 'mongoose';
import type { FileCursor, ListedFile } from '../store.js';
import type { FileDoc } from './documents.js';
import { factsOf } from './lives.js';
import type { Models } from './models.js';
import { settle, unsettledLives } from './settling.js';

/** Files, newest first, with everything counted that was stored before. */
export async function files(
  db: Models,
  { limit, after }: { limit: number; after: FileCursor | null },
): Promise<ListedFile[]> {
  const list = () =>
    db.files
      .find(after === null ? {} : beyond(after), { _id: 0, intent: 0 })
      .sort({ createdAt: -1, fileId: -1 })
      .limit(limit)
      .lean<FileDoc[]>()
      .exec();
  const listed = await list();
  const lives = listed.map(({ life }) => life);
  const unsettled = await unsettledLives(db, lives);
  for (const life of unsettled) await settle(db, life);
  const current = unsettled.length === 0 ? listed : await list();
  return current.map((file) => ({ facts: factsOf(file), stats: file.stats }));
}

function beyond({ createdAt, fileId }: FileCursor) {
  const at = new Date(createdAt);
  return {
    $or: [{ createdAt: trusted({ $lt: at }) }, { createdAt: at, fileId: trusted({ $lt: fileId }) }],
  };
}
