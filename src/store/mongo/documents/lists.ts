/** The documents of uploaded lists. */
import type { FileId, Generation, ListId, UserId } from '../../../domain/id.js';
import { bytes, type DocumentOf, date, number, schemaOf, text } from './schema.js';

/** An uploaded list. */
export const lists = schemaOf({
  /** The id of the list. */
  _id: text<ListId>(),
  /** Null, too, where it has ended: nothing personal is left then. */
  userId: text<UserId | null>(),
  name: text(),
  bytes: number(),
  /** JSON of the `ListSummary`; null: it is being uploaded, or has ended. */
  summary: text<string | null>(),
  /** Null: it is attached to a generation, and ends with that. */
  expiresAt: date<Date | null>(),
  generation: text<Generation | null>(),
  fileId: text<FileId | null>(),
  /** The submission that works on it; null: none. */
  reservedFor: text<string | null>(),
  /** When it ended; null: it has not. */
  endedAt: date<Date | null>(),
})
  .index({ userId: 1, generation: 1 })
  .index({ generation: 1 })
  .index({ expiresAt: 1 })
  .index({ endedAt: 1 });
export type ListDoc = DocumentOf<typeof lists>;

/** A piece of a list. */
export const listChunks = schemaOf({
  /** Its list and its number. */
  _id: text(),
  listId: text<ListId>(),
  bytes: bytes(),
}).index({ listId: 1 });
