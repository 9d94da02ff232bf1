/** Reads the body of a request in pieces as it arrives, and JSON objects by a schema. */
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import { InvalidInput } from '../domain/invalid-input.js';
import { parseInputInTurns } from '../domain/schemas.js';
import { Fault } from '../errors.js';
import { parseObject } from '../json/in-turns.js';

/** How long the rest of a refused body is read and dropped: most clients read the answer only after sending all. */
const DRAIN_MS = 5_000;

const invalidBody = (message: string) => new InvalidInput([{ field: 'body', message }]);

/** @throws InvalidInput */
export async function parseJson<T>(bytes: Buffer, schema: z.ZodType<T>): Promise<T> {
  if (!isUtf8(bytes)) throw invalidBody('must be UTF-8');
  return parseInputInTurns(schema, await parseObject(bytes));
}

/**
 * A body in pieces, as it arrives. A larger one than `limit` is refused as soon as that is known, not after all of it was sent.
 * @throws what `tooLarge` makes
 * @throws InvalidInput where the body is encoded, or ends early
 */
export async function* bodyPieces(
  req: IncomingMessage,
  limit: number,
  tooLarge: () => Error,
): AsyncGenerator<Buffer> {
  try {
    if (isEncoded(req)) throw new InvalidInput([{ field: 'content-encoding', message: 'must be identity' }]);
    if (Number(req.headers['content-length'] ?? 0) > limit) throw tooLarge();
    let length = 0;
    // `destroyOnReturn` would cut the connection before the refusal is sent.
    for await (const piece of req.iterator({ destroyOnReturn: false })) {
      length += (piece as Buffer).length;
      if (length > limit) throw tooLarge();
      yield piece as Buffer;
    }
  } catch (error) {
    throw isCutOff(error) ? invalidBody('ended before it was complete') : error;
  } finally {
    if (!req.readableEnded) drain(req);
  }
}

const isCutOff = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  /^(ECONNRESET|ERR_STREAM_PREMATURE_CLOSE|EPIPE)$/.test(String(error.code));

/** Whether it has to be decoded first: the gateway takes bodies as they are. */
function isEncoded(req: IncomingMessage): boolean {
  const encoding = req.headers['content-encoding'];
  return encoding !== undefined && encoding.trim().toLowerCase() !== 'identity';
}

export function tooLarge(limit: number): Fault {
  const message = `must be at most ${limit} bytes`;
  return new Fault('payload_too_large', `the body ${message}`, { errors: [{ field: 'body', message }] });
}

/** Reads and drops what is left of a refused body. */
function drain(req: IncomingMessage): void {
  const timer = setTimeout(() => req.destroy(), DRAIN_MS).unref();
  req.once('close', () => clearTimeout(timer));
  req.on('error', () => undefined);
  req.resume();
}
