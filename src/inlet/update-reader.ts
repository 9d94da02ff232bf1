import { randomUUID } from 'node:crypto';
import { ByteCache } from '../byte-cache.js';
import { InvalidInput } from '../domain/invalid-input.js';
import { type Envelope, readEnvelope, readUpdate, updateOf } from '../domain/read-update.js';
import { type Result, readResult } from '../domain/result.js';
import type { Update } from '../domain/update.js';

/** How the validator, Python's `json.dumps`, begins the list of results, and one result behind another. */
const LIST = Buffer.from('"validatedEmails": [');
const LIST_END = 0x5d;
const BETWEEN = Buffer.from(', ');
const NEXT_RESULT = '}, {"email": ';
/** Stands for the list while the rest of a message is parsed. Nobody outside knows it, so no message can hold it. */
const IN_PLACE = randomUUID();
const IN_PLACE_JSON = JSON.stringify(IN_PLACE);
/** What a remembered result takes beside its text, about. */
const RESULT_BYTES = 250;

const decoder = new TextDecoder();

interface ReadList {
  /** What stood between the brackets of the list, all of it read. */
  readonly text: Uint8Array;
  readonly results: readonly Result[];
}

/**
 * Reads updates. Each repeats what its batch had before, so what was read of a running batch is remembered: of a message
 * that begins its list with the same bytes, only the rest is parsed. A message that is unusual in any way is parsed as a
 * whole; whichever way, the outcome is the same.
 */
export class UpdateReader {
  readonly #remembered: ByteCache<ReadList>;

  /** `maxRememberedBytes`: what the remembered lists may take, about; 0: nothing is remembered. */
  constructor(maxRememberedBytes: number) {
    this.#remembered = new ByteCache(maxRememberedBytes);
  }

  /** @throws InvalidInput where the bytes are not an update */
  read(bytes: Uint8Array): Update {
    return this.#readInParts(bytes) ?? parseUpdate(bytes);
  }

  forget(batchId: string): void {
    this.#remembered.delete(batchId);
  }

  forgetAll(): void {
    this.#remembered.clear();
  }

  close(): void {
    this.#remembered.close();
  }

  /** Null: nothing is said of the message, not even that it is an update. */
  #readInParts(bytes: Uint8Array): Update | null {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const start = buffer.indexOf(LIST) + LIST.byteLength;
    const end = buffer.lastIndexOf(LIST_END);
    if (start < LIST.byteLength || end < start) return null;
    try {
      const envelope = envelopeIn(
        decoder.decode(buffer.subarray(0, start - 1)),
        decoder.decode(buffer.subarray(end + 1)),
      );
      if (envelope === null) return null;
      const results = this.#results(envelope, buffer.subarray(start, end));
      return results === null ? null : updateOf(envelope, results);
    } catch {
      // Whoever parses all of it says what is wrong.
      return null;
    }
  }

  #results({ batchId, isComplete }: Envelope, list: Buffer): readonly Result[] | null {
    const results = resultsBeyond(this.#remembered.get(batchId), list);
    if (isComplete === true) {
      this.forget(batchId);
    } else if (results !== null) {
      // Once as bytes, and once as the text of its results, which may need two bytes for each character.
      const size = 3 * list.byteLength + RESULT_BYTES * results.length;
      this.#remembered.set(batchId, { text: detached(list), results }, size);
    }
    return results;
  }
}

/** All of an update but its list, which lies between the two texts; null: that is not where its list is. */
function envelopeIn(before: string, after: string): Envelope | null {
  const value: unknown = JSON.parse(`${before}${IN_PLACE_JSON}${after}`);
  const message = value as { validatedEmails?: unknown } | null;
  if (message?.validatedEmails !== IN_PLACE) return null;
  message.validatedEmails = [];
  return readEnvelope(message);
}

function resultsBeyond(known: ReadList | undefined, list: Buffer): readonly Result[] | null {
  if (known === undefined || known.results.length === 0 || !startsWith(list, known.text))
    return list.byteLength === 0 ? [] : resultsIn(decoder.decode(list));
  const rest = list.subarray(known.text.byteLength);
  if (rest.byteLength === 0) return known.results;
  if (!startsWith(rest, BETWEEN)) return null;
  const added = resultsIn(decoder.decode(rest.subarray(BETWEEN.byteLength)));
  return added === null ? null : [...known.results, ...added];
}

/**
 * The results of a list that has some, each from its own piece of the text; null: they cannot be told apart like that. Wherever a text is
 * cut, each piece is parsed by itself, so a cut in the wrong place fails.
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

/** A message as it was read may be a small part of a larger piece of memory, all of which it would hold on to. */
export const detached = (bytes: Uint8Array): Uint8Array =>
  bytes.byteLength < bytes.buffer.byteLength / 2 ? Uint8Array.from(bytes) : bytes;

/** @throws InvalidInput where the bytes are not an update */
export function parseUpdate(bytes: Uint8Array): Update {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
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
    // Serialising follows the nesting of `details`; parsing does not.
    if (error instanceof RangeError)
      throw new InvalidInput([{ field: 'validatedEmails', message: 'is nested too deeply' }]);
    throw error;
  }
}
