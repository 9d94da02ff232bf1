/** Reads the body of a request: its bytes, or a JSON object by a schema. */
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

/**
 * Reads at most `limit` bytes. A larger body is refused as soon as that is known, not after all of it was sent.
 */
export function readBody(req: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const finish = (complete: () => void) => {
      req.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
      complete();
    };
    const refuse = (error: Error) => {
      finish(() => reject(error));
      drain(req);
    };
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      if (length > limit) refuse(tooLarge(limit));
      else chunks.push(chunk);
    };
    const onEnd = () =>
      finish(() => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, length)));
    // A caller who disconnected during authentication: no more events will come.
    if (req.destroyed && !req.readableEnded) return reject(invalidBody('ended before it was complete'));
    const onClose = () => finish(() => reject(invalidBody('ended before it was complete')));

    if (isEncoded(req))
      refuse(new InvalidInput([{ field: 'content-encoding', message: 'must be identity' }]));
    else if (Number(req.headers['content-length'] ?? 0) > limit) refuse(tooLarge(limit));
    else req.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
  });
}

/** Reads a body that is a JSON object of the given shape, whatever its content type. */
export async function readJson<T>(req: IncomingMessage, limit: number, schema: z.ZodType<T>): Promise<T> {
  return parseJson(await readBody(req, limit), schema);
}

/** @throws InvalidInput */
export async function parseJson<T>(bytes: Buffer, schema: z.ZodType<T>): Promise<T> {
  if (!isUtf8(bytes)) throw invalidBody('must be UTF-8');
  return parseInputInTurns(schema, await parseObject(bytes));
}

/** Whether it has to be decoded first: the gateway takes bodies as they are. */
export function isEncoded(req: IncomingMessage): boolean {
  const encoding = req.headers['content-encoding'];
  return encoding !== undefined && encoding.trim().toLowerCase() !== 'identity';
}

function tooLarge(limit: number): Fault {
  const message = `must be at most ${limit} bytes`;
  return new Fault('payload_too_large', `the body ${message}`, { errors: [{ field: 'body', message }] });
}

/** Reads and drops what is left of a refused body. */
export function drain(req: IncomingMessage): void {
  const timer = setTimeout(() => req.destroy(), DRAIN_MS).unref();
  req.once('close', () => clearTimeout(timer));
  req.on('error', () => undefined);
  req.resume();
}
