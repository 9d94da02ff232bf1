/** Recognises a repeated submission by its `Idempotency-Key` and by the fingerprint of what it submits. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Principal } from '../auth/principal.js';
import type { FileId } from '../domain/id.js';
import { invalidKey } from '../submission/answers.js';

/** The response header that marks the answer of an earlier request with the same key. */
export const IDEMPOTENCY_REPLAYED = 'Idempotency-Replayed';
const MAX_KEY_LENGTH = 255;

/** Two callers never share a key, and neither do two files. Null where the header is missing. @throws InvalidInput */
export function submissionKey(req: IncomingMessage, fileId: FileId, { sub }: Principal): string | null {
  const given = req.headersDistinct['idempotency-key'];
  if (given === undefined) return null;
  const [key = '', ...others] = given;
  if (others.length > 0) throw invalidKey('must be given once');
  if (key.length > MAX_KEY_LENGTH || !/^[\x20-\x7e]+$/.test(key))
    throw invalidKey(`must be 1 to ${MAX_KEY_LENGTH} characters of printable ASCII`);
  return JSON.stringify([fileId, sub, key]);
}

/** The same for what is the same: a key that comes again with something else is refused. */
export const fingerprintOf = (...parts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
