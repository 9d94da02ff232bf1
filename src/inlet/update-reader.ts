/** Reads updates from their bytes; of a message that repeats what came before it, only the rest is parsed. */

import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { ByteCache } from '../byte-cache.js';
import type { BatchId } from '../domain/id.js';
import { InvalidInput } from '../domain/invalid-input.js';
import { type Envelope, MAX_RESULTS, readEnvelope, readUpdate, updateOf } from '../domain/read-update.js';
import { type Result, readResult } from '../domain/result.js';
import type { Update } from '../domain/update.js';
import { parseText, SMALL_BYTES } from '../json/in-turns.js';
import { checkDepth } from '../json/scan.js';
import { readLargeUpdate } from './large-updates.js';

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

/** Yields where a turn of the event loop ends. */
type Reading<T> = Generator<void, T | null, void>;

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

  /**
   * `maxRememberedBytes`: estimated memory of all remembered lists; 0: none is remembered. `smallBytes`: as much is parsed at
   * once.
   */
  constructor(
    maxRememberedBytes: number,
    private readonly smallBytes = SMALL_BYTES,
  ) {
    this.#remembered = new ByteCache(maxRememberedBytes);
  }

  /** Reads an update at once. @throws InvalidInput where the bytes are not an update */
  read(bytes: Uint8Array): Update {
    const reading = this.#readIncrementally(bytes);
    let step = reading.next();
    while (step.done !== true) step = reading.next();
    return step.value ?? parseUpdate(bytes);
  }

  /** The same; where there is more to parse than a turn of the event loop has time for, it takes several. */
  async readInTurns(bytes: Uint8Array): Promise<Update> {
    const reading = this.#readIncrementally(bytes);
    let step = reading.next();
    for (; step.done !== true; step = reading.next()) await setImmediate();
    if (step.value !== null) return step.value;
    if (bytes.byteLength <= this.smallBytes) return parseUpdate(bytes);
    const { update: read, list } = await readLargeUpdate(bytes);
    // Where the layout is the validator's, the next update of the batch can be read from its end.
    const cut = cutIn(bytes);
    if (cut !== null && cut.start === list?.start && cut.end === list.end && !read.isComplete)
      this.#remember(read.batchId, cut.buffer.subarray(cut.start, cut.end), read.results);
    return read;
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

  /**
   * Stops after each turn's work. Null: the message has another layout, a result that is too large, or is no update at all; it
   * has to be parsed as a whole.
   */
  *#readIncrementally(bytes: Uint8Array): Reading<Update> {
    const cut = cutIn(bytes);
    if (cut === null) return null;
    const { buffer, start, end } = cut;
    if (buffer.byteLength - (end - start) > this.smallBytes) return null;
    try {
      const envelope = envelopeIn(textOf(buffer.subarray(0, start - 1)), textOf(buffer.subarray(end + 1)));
      if (envelope === null) return null;
      const results = yield* this.#results(envelope, buffer.subarray(start, end));
      return results === null ? null : updateOf(envelope, results);
    } catch {
      // Parsing it as a whole finds out what is wrong.
      return null;
    }
  }

  *#results({ batchId, isComplete }: Envelope, list: Buffer): Reading<readonly Result[]> {
    const results = yield* resultsFrom(this.#remembered.get(batchId), list, this.smallBytes);
    if (isComplete === true) this.forget(batchId);
    else if (results !== null) this.#remember(batchId, list, results);
    return results;
  }

  #remember(batchId: BatchId, list: Buffer, results: readonly Result[]): void {
    // The bytes, and the text of the results, which may need two bytes for each character.
    const size = 3 * list.byteLength + RESULT_BYTES * results.length;
    this.#remembered.set(batchId, { bytes: detached(list), results }, size);
  }
}

/** Where the list is in the layout of the validator; null: the layout is another. */
function cutIn(bytes: Uint8Array): { buffer: Buffer; start: number; end: number } | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = buffer.indexOf(LIST_START) + LIST_START.byteLength;
  const end = buffer.lastIndexOf(LIST_END);
  return start < LIST_START.byteLength || end < start ? null : { buffer, start, end };
}

/** An update without its list, from the texts before and after the list; null: the list is not there. */
function envelopeIn(before: string, after: string): Envelope | null {
  const text = `${before}${PLACEHOLDER_JSON}${after}`;
  checkDepth(text);
  const value: unknown = JSON.parse(text);
  const message = value as { validatedEmails?: unknown } | null;
  if (message?.validatedEmails !== PLACEHOLDER) return null;
  message.validatedEmails = [];
  return readEnvelope(message);
}

/** Null: they have to be read from the whole message. */
function* resultsFrom(
  known: ReadList | undefined,
  list: Buffer,
  smallBytes: number,
): Reading<readonly Result[]> {
  if (known === undefined || known.results.length === 0 || !startsWith(list, known.bytes))
    return list.byteLength === 0 ? [] : yield* resultsIn(list, smallBytes);
  const rest = list.subarray(known.bytes.byteLength);
  if (rest.byteLength === 0) return known.results;
  if (!startsWith(rest, SEPARATOR)) return null;
  const added = yield* resultsIn(rest.subarray(SEPARATOR.byteLength), smallBytes);
  return added === null ? null : [...known.results, ...added];
}

/** The results of a list that is not empty, a turn's bytes at a time. Null: one of them is not valid, or too large for a turn. */
function* resultsIn(list: Buffer, smallBytes: number): Reading<Result[]> {
  const results: Result[] = [];
  for (let start = 0; ; ) {
    const rest = list.byteLength - start;
    const end = rest <= smallBytes ? list.byteLength : list.lastIndexOf(NEXT_RESULT, start + smallBytes) + 1;
    if (end <= start || !addResults(results, list.subarray(start, end))) return null;
    if (end === list.byteLength) return results;
    start = end + SEPARATOR.byteLength;
    yield;
  }
}

/**
 * Adds results, each parsed from its own piece of the text; false: one of them is not valid. A cut in the wrong place leaves a
 * piece that is not JSON.
 */
function addResults(results: Result[], bytes: Buffer): boolean {
  const list = textOf(bytes);
  for (let start = 0; start >= 0; ) {
    const next = list.indexOf(NEXT_RESULT, start);
    const text = next < 0 ? list.slice(start) : list.slice(start, next + 1);
    checkDepth(text);
    const result = readResult(JSON.parse(text), text);
    if (typeof result === 'string' || results.length === MAX_RESULTS) return false;
    results.push(result);
    start = next < 0 ? next : next + 3;
  }
  return true;
}

const startsWith = (bytes: Buffer, start: Uint8Array): boolean =>
  bytes.byteLength >= start.byteLength &&
  bytes.compare(start, 0, start.byteLength, 0, start.byteLength) === 0;

/** A copy of bytes that are a small part of a larger buffer, which they would keep in memory. */
export const detached = (bytes: Uint8Array): Uint8Array =>
  bytes.byteLength < bytes.buffer.byteLength / 2 ? Uint8Array.from(bytes) : bytes;

/** @throws InvalidInput where the bytes are not an update */
export function parseUpdate(bytes: Uint8Array): Update {
  checkDepth(bytes);
  const value = parseText(textOf(bytes));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidInput([{ field: 'body', message: 'must be a JSON object' }]);
  }
  return readUpdate(value);
}
