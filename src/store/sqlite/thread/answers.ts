/** How a database thread gets requests and answers them. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Database } from '../database.js';
import { databaseErrorOf, type ThreadData, type ThreadReply, type ThreadRequest } from './messages.js';

const port = parentPort;
if (port === null) throw new Error('this module runs as a worker thread');
export const data = workerData as ThreadData;
const { directory } = data;

export type Operations = Record<string, Record<string, (db: Database, ...args: never[]) => unknown>>;
/**
 * The replies to the requests of one commit are one message: each message wakes the main thread. Bytes are handed over:
 * copies of them would lie here until there is enough garbage.
 */
export const answer = (...replies: readonly ThreadReply[]): void =>
  port.postMessage(replies, replies.flatMap(bytesOf));

const bytesOf = (reply: ThreadReply): ArrayBuffer[] =>
  'value' in reply && reply.value instanceof Uint8Array ? [reply.value.buffer as ArrayBuffer] : [];

export function finish(db: Database): void {
  db.close();
  port?.close();
}

export function perform(
  db: Database,
  operations: Operations,
  { id, operation, args }: ThreadRequest,
): ThreadReply {
  try {
    const [part = '', call = ''] = operation.split('.');
    return { id, value: operations[part]?.[call]?.(db, ...(args as never[])) };
  } catch (error) {
    return { id, error: databaseErrorOf(error, directory) };
  }
}

export const onRequest = (listener: (request: ThreadRequest | 'close') => void): unknown =>
  port.on('message', listener);
