/** The port to the uploaded lists. */
import type { FileId, ListId, RequestId, UserId } from '../domain/id.js';
import type { ListSummary } from '../domain/list-summary.js';

/** A list is stored in chunks of this many bytes; only its last one may be shorter. */
export const LIST_CHUNK_BYTES = 256 * 1024;

/** An upload that has sent nothing for so long has died: what is stored of it is dropped. */
export const UPLOAD_SILENCE_MS = 120_000;

/**
 * Uploaded lists, byte for byte. Every implementation guarantees:
 *
 * - **Whole or not at all.** A list is found only once it is completed.
 * - **It ends.** A list is dropped at its time, and an upload that was cut off after `UPLOAD_SILENCE_MS`. A list that is
 *   attached to a file's request ends with that: when the file is removed, purged, or replaced by another request.
 * - **Gone is gone.** Once `remove` is fulfilled nothing is left of a list; of one that ended otherwise, soon after.
 */
export interface ListStore {
  /** Begins an upload. */
  create(list: NewList): Promise<void>;
  /**
   * Adds the next chunk. Repeating a chunk changes nothing.
   * @throws Fault `unavailable` where the upload is over
   */
  append(listId: ListId, index: number, bytes: Uint8Array): Promise<void>;
  /** Ends an upload: the list can be found from now on. @throws Fault `unavailable` where the upload is over */
  complete(listId: ListId, completed: CompletedList): Promise<void>;
  /** Null: there is no such list, or not any more. */
  find(listId: ListId): Promise<UploadedList | null>;
  /** The list that is attached to the file's current request; null: there is none. */
  ofFile(fileId: FileId): Promise<UploadedList | null>;
  /** How many lists of a user are not attached to a file yet, uploads among them. */
  waiting(userId: UserId | null): Promise<number>;
  /**
   * The bytes from an offset on; of an upload, those that it has sent. Each piece is its reader's alone, which may hand it on to
   * another thread. @throws Fault `unavailable` where the list ends meanwhile
   */
  read(listId: ListId, from?: number): AsyncIterable<Uint8Array>;
  /**
   * Reserves a list that is not attached for a submission, and puts off its end: two submissions must not both get the one
   * list. The reservation ends with the submission. False: there is no such list, or another submission has it.
   */
  reserve(listId: ListId, submissionId: string, expiresAt: number): Promise<boolean>;
  /**
   * Attaches a list to a file's request. It ends with that instead of at its time. False: there is no such list, the request is
   * not the file's current one, as where the file was deleted and begun anew, or the list is attached to another file.
   */
  attach(listId: ListId, fileId: FileId, requestId: RequestId | null): Promise<boolean>;
  /** False: there is no such list. */
  remove(listId: ListId): Promise<boolean>;
  /** Drops the lists and uploads whose time is over. Called at intervals. */
  dropExpired(): Promise<void>;
}

export interface NewList {
  readonly listId: ListId;
  /** The uploader; null: an anonymous caller. */
  readonly userId: UserId | null;
  readonly name: string;
}

export interface CompletedList {
  readonly summary: ListSummary;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export interface UploadedList extends NewList {
  readonly bytes: number;
  readonly summary: ListSummary;
  /** Null: it is attached to a file. */
  readonly expiresAt: number | null;
  /** The file that it is attached to; null: none. */
  readonly fileId: FileId | null;
}
