/** Reads updates from their bytes; of a message that repeats what came before it, only the rest is parsed. */

import { randomUUID } from 'node:crypto';
import { ByteCache } from '../byte-cache.js';
import type { BatchId } from '../domain/id.js';
import { InvalidInput } from '../domain/invalid-input.js';
import { type Envelope, readEnvelope, readUpdate, updateOf } from '../domain/read-update.js';
import { type Result, readResult } from '../domain/result.js';
import type { Update } from '../domain/update.js';

/** The layout of the validator's messages, which are written by Python's `json.dumps`. */
const LIST_START = Buffer.from('"validatedEmails": [');
const LIST_END = 0x5d;
const SEPARATOR = Buffer.from(', ');
const NEXT_RESULT = '}, {"email": ';
/** Replaces the list while the rest of a message is parsed. Random, so that no message can contain it. */
const PLACEHOLDER = randomUUID();
const PLACEHOLDER_JSON = JSON.stringify(PLACEHOLDER);
/** Estimated memory of a remembered result, without its text. */
const RESULT_BYTES = 250;

const decoder = new TextDecoder();

/** Bytes as text; invalid UTF-8 becomes U+FFFD. */
export const textOf = (bytes: Uint8Array): string => decoder.decode(bytes);

interface ReadList {
  /** The bytes between the brackets of the list, from which `results` were read. */
  readonly bytes: Uint8Array;
  readonly results: readonly Result[];
}

/**
 * Every update repeats the earlier results of its batch, so the list of a running batch is remembered. If the next list
 * begins with the same bytes, only its rest is parsed. A message with another layout is parsed as a whole, with the same
 * outcome.
 */
export class UpdateReader {
  readonly #remembered: ByteCache<ReadList>;

  /** `maxRememberedBytes`: estimated memory of all remembered lists; 0: none is remembered. */
  constructor(maxRememberedBytes: number) {
    this.#remembered = new ByteCache(maxRememberedBytes);
  }

  /** @throws InvalidInput where the bytes are not an update */
  read(bytes: Uint8Array): Update {
    return this.#readIncrementally(bytes) ?? parseUpdate(bytes);
  }

  forget(batchId: BatchId): void {
    this.#remembered.delete(batchId);
  }

  forgetAll(): void {
    this.#remembered.clear();
  }

  close(): void {
    this.#remembered.close();
  }

  /** Null: the message has another layout, or is no update at all; it has to be parsed as a whole. */
  #readIncrementally(bytes: Uint8Array): Update | null {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const start = buffer.indexOf(LIST_START) + LIST_START.byteLength;
    const end = buffer.lastIndexOf(LIST_END);
    if (start < LIST_START.byteLength || end < start) return null;
    try {
      const envelope = envelopeIn(textOf(buffer.subarray(0, start - 1)), textOf(buffer.subarray(end + 1)));
      if (envelope === null) return null;
      const results = this.#results(envelope, buffer.subarray(start, end));
      return results === null ? null : updateOf(envelope, results);
    } catch {
      // Parsing it as a whole finds out what is wrong.
      return null;
    }
  }

  #results({ batchId, isComplete }: Envelope, list: Buffer): readonly Result[] | null {
    const results = resultsFrom(this.#remembered.get(batchId), list);
    if (isComplete === true) {
      this.forget(batchId);
    } else if (results !== null) {
      // The bytes, and the text of the results, which may need two bytes for each character.
      const size = 3 * list.byteLength + RESULT_BYTES * results.length;
      this.#remembered.set(batchId, { bytes: detached(list), results }, size);
    }
    return results;
  }
}

/** An update without its list, from the texts before and after the list; null: the list is not there. */
function envelopeIn(before: string, after: string): Envelope | null {
  const value: unknown = JSON.parse(`${before}${PLACEHOLDER_JSON}${after}`);
  const message = value as { validatedEmails?: unknown } | null;
  if (message?.validatedEmails !== PLACEHOLDER) return null;
  message.validatedEmails = [];
  return readEnvelope(message);
}

function resultsFrom(known: ReadList | undefined, list: Buffer): readonly Result[] | null {
  if (known === undefined || known.results.length === 0 || !startsWith(list, known.bytes))
    return list.byteLength === 0 ? [] : resultsIn(textOf(list));
  const rest = list.subarray(known.bytes.byteLength);
  if (rest.byteLength === 0) return known.results;
  if (!startsWith(rest, SEPARATOR)) return null;
  const added = resultsIn(textOf(rest.subarray(SEPARATOR.byteLength)));
  return added === null ? null : [...known.results, ...added];
}

/**
 * The results of a list that is not empty, each parsed from its own piece of the text; null: one of them is not valid.
 * A cut in the wrong place leaves a piece that is not JSON.
 */
function resultsIn(list: string): Result[] | null {
  const results: Result[] = [];
  for (let start = 0; start >= 0; ) {
    const next = list.indexOf(NEXT_RESULT, start);
    const text = next < 0 ? list.slice(start) : list.slice(start, next + 1);
    const result = readResult(JSON.parse(text), text);
    if (typeof result === 'string') return null;
    results.push(result);
    start = next < 0 ? next : next + 3;
  }
  return results;
}

const startsWith = (bytes: Buffer, start: Uint8Array): boolean =>
  bytes.byteLength >= start.byteLength &&
  bytes.compare(start, 0, start.byteLength, 0, start.byteLength) === 0;

/** A copy of bytes that are a small part of a larger buffer, which they would keep in memory. */
export const detached = (bytes: Uint8Array): Uint8Array =>
  bytes.byteLength < bytes.buffer.byteLength / 2 ? Uint8Array.from(bytes) : bytes;

/** @throws InvalidInput where the bytes are not an update */
export function parseUpdate(bytes: Uint8Array): Update {
  let value: unknown;
  try {
    value = JSON.parse(textOf(bytes));
  } catch {
    // The parser's message repeats a part of its input.
    throw new InvalidInput([{ field: 'body', message: 'must be JSON' }]);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidInput([{ field: 'body', message: 'must be a JSON object' }]);
  }
  try {
    return readUpdate(value);
  } catch (error) {
    // Serialising recurses into `details`; parsing does not.
    if (error instanceof RangeError)
      throw new InvalidInput([{ field: 'validatedEmails', message: 'is nested too deeply' }]);
    throw error;
  }
}
