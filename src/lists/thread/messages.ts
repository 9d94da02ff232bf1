/** The messages between the main thread, which has the bytes of a list, and a thread that reads it. */
import { type ErrorMessage, errorOf, messageOf } from '../../thread-errors.js';
import type { JobName } from '../jobs.js';
import type { ListLimits } from '../limits.js';

/** What the thread is started for. */
export interface ThreadTask {
  readonly job: JobName;
  readonly input: unknown;
  readonly size: number;
  readonly limits: ListLimits;
}

/** `open`, `next` and `close` are of one reading of the bytes, which `reading` numbers. */
export type FromThread =
  | { readonly type: 'open'; readonly reading: number; readonly from: number }
  | { readonly type: 'next'; readonly reading: number }
  | { readonly type: 'close'; readonly reading: number }
  | { readonly type: 'item'; readonly item: unknown }
  | { readonly type: 'end'; readonly error: ReadingError | null };

/** `bytes`: null at the end; `failed`: the bytes cannot be read. `more`: there is room for another item. */
export type ToThread =
  | { readonly type: 'bytes'; readonly reading: number; readonly bytes: Uint8Array | null }
  | { readonly type: 'failed'; readonly reading: number }
  | { readonly type: 'more' };

/** `source`: the bytes could not be read, and the main thread has the reason already. */
type ReadingError = ErrorMessage | { readonly kind: 'source' };

/** In the thread: the bytes could not be read. */
export class SourceFailed extends Error {
  override readonly name = 'SourceFailed';
}

export const readingErrorOf = (error: unknown): ReadingError =>
  error instanceof SourceFailed ? { kind: 'source' } : messageOf(error);

/** `cause`: why the bytes could not be read. */
export const thrownBy = (error: ReadingError, cause: unknown): unknown =>
  error.kind === 'source' ? cause : errorOf(error);
