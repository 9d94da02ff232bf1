import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import { InvalidInput } from '../domain/invalid-input.js';
import { fieldErrors } from '../domain/schemas.js';
import { Fault } from '../errors.js';

/** How long the rest of a refused body is read and dropped, so that its sender gets to see the answer. */
const DRAIN_MS = 5_000;

const wrongBody = (message: string) => new InvalidInput([{ field: 'body', message }]);

/**
 * Reads a request's body as it came, at most `limit` bytes of it: what is larger is refused at once, not when its sender
 * is done with it.
 */
export function readBody(req: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const finish = (settle: () => void) => {
      req.off('data', take).off('end', end).off('close', gone).off('error', gone);
      settle();
    };
    const refuse = (error: Error) => {
      finish(() => reject(error));
      drain(req);
    };
    const take = (chunk: Buffer) => {
      length += chunk.length;
      if (length > limit) refuse(tooLarge(limit));
      else chunks.push(chunk);
    };
    const end = () =>
      finish(() => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, length)));
    // Whoever left while it was looked at who they are sends no more events.
    if (req.destroyed && !req.readableEnded) return reject(wrongBody('ended before it was complete'));
    const gone = () => finish(() => reject(wrongBody('ended before it was complete')));

    if (isEncoded(req))
      refuse(new InvalidInput([{ field: 'content-encoding', message: 'must be identity' }]));
    else if (Number(req.headers['content-length'] ?? 0) > limit) refuse(tooLarge(limit));
    else req.on('data', take).on('end', end).on('close', gone).on('error', gone);
  });
}

/** Reads a body that is a JSON object of the given shape. Its content type is not asked for. */
export async function readJson<T>(req: IncomingMessage, limit: number, schema: z.ZodType<T>): Promise<T> {
  const parsed = schema.safeParse(parseObject(await readBody(req, limit)));
  if (!parsed.success) throw new InvalidInput(fieldErrors(parsed.error));
  return parsed.data;
}

function parseObject(bytes: Buffer): object {
  if (!isUtf8(bytes)) throw wrongBody('must be UTF-8');
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    // The parser's own message quotes the text.
    throw wrongBody('must be JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrongBody('must be a JSON object');
  return value;
}

function isEncoded(req: IncomingMessage): boolean {
  const encoding = req.headers['content-encoding'];
  return encoding !== undefined && encoding.trim().toLowerCase() !== 'identity';
}

function tooLarge(limit: number): Fault {
  const message = `must be at most ${limit} bytes`;
  return new Fault('payload_too_large', `the body ${message}`, { errors: [{ field: 'body', message }] });
}

function drain(req: IncomingMessage): void {
  const timer = setTimeout(() => req.destroy(), DRAIN_MS).unref();
  req.once('close', () => clearTimeout(timer));
  req.on('error', () => undefined);
  req.resume();
}
