/** Takes in an uploaded list: stores its bytes as they arrive, then reads them once to say what is in it. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { clock } from '../../clock.js';
import type { ListId, UserId } from '../../domain/id.js';
import { Fault } from '../../errors.js';
import { ListInspector } from '../../lists/inspector.js';
import { type ListLimits, tooLarge } from '../../lists/limits.js';
import type { ListReader } from '../../lists/list-reader.js';
import { LIST_CHUNK_BYTES, type ListStore, type UploadedList } from '../../store/lists.js';
import { startingWith } from '../export/send-text.js';
import { bodyPieces } from '../read-body.js';
import { RETRY_AFTER_SECONDS } from '../running-limit.js';
import { bytesOf } from './uploaded-list.js';

interface UploadOptions {
  readonly store: ListStore;
  readonly reader: ListReader;
  readonly limits: ListLimits & { readonly MAX_WAITING_LISTS: number };
  readonly ttlMs: number;
}

interface Upload {
  /** Whose lists are read one at a time. */
  readonly caller: string;
  readonly userId: UserId | null;
  readonly name: string;
}

/** Where anything fails, nothing is left of the list. */
export async function upload(
  req: IncomingMessage,
  { caller, userId, name }: Upload,
  { store, reader, limits, ttlMs }: UploadOptions,
): Promise<Pick<UploadedList, 'listId' | 'name' | 'summary' | 'expiresAt'>> {
  const { MAX_LIST_BYTES, MAX_WAITING_LISTS } = limits;
  const expectWaiting = async (most: number): Promise<void> => {
    if ((await store.waiting(userId)) > most) throw tooMany(MAX_WAITING_LISTS);
  };
  await expectWaiting(MAX_WAITING_LISTS - 1);
  const inspector = new ListInspector();
  const refusal = () => tooLarge('MAX_LIST_BYTES', MAX_LIST_BYTES, 'it is too large');
  const pieces = inspected(bodyPieces(req, MAX_LIST_BYTES, refusal), inspector);
  // Before anything is stored: a list that is refused by its first bytes costs no write.
  const first = await pieces.next();
  const listId = randomUUID();
  await store.create({ listId, userId, name });
  try {
    // Others may have begun meanwhile, at other gateways as well.
    await expectWaiting(MAX_WAITING_LISTS);
    const bytes = await storePieces(store, listId, startingWith(first, pieces));
    const source = bytesOf(store, { listId, bytes });
    const layout = await inspector.layout(() => reader.workbookLayout(caller, source));
    const summary = await reader.summary(caller, source, layout);
    const expiresAt = clock.now() + ttlMs;
    await store.complete(listId, { summary, expiresAt });
    return { listId, name, summary, expiresAt };
  } catch (error) {
    await pieces.return(undefined);
    // What the caller has to know is why the list was refused. What is left, the sweep drops.
    await store.remove(listId).catch(() => undefined);
    throw error;
  }
}

const tooMany = (max: number): Fault =>
  new Fault(
    'rate_limited',
    `too many lists: MAX_WAITING_LISTS allows ${max} that no file uses; delete some`,
    {
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    },
  );

async function* inspected(pieces: AsyncIterable<Buffer>, inspector: ListInspector): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    inspector.add(piece);
    yield piece;
  }
}

/** Answers with the number of bytes. */
async function storePieces(store: ListStore, listId: ListId, pieces: AsyncIterable<Buffer>): Promise<number> {
  const chunk = Buffer.allocUnsafe(LIST_CHUNK_BYTES);
  let filled = 0;
  let index = 0;
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; ) {
      const copied = piece.copy(chunk, filled, at);
      at += copied;
      filled += copied;
      if (filled < chunk.length) continue;
      await store.append(listId, index++, chunk);
      filled = 0;
    }
  }
  if (filled > 0) await store.append(listId, index, chunk.subarray(0, filled));
  return index * LIST_CHUNK_BYTES + filled;
}
