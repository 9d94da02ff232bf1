/** How both stores keep dead letters: what of a message, under which id, and for how long. */

import { randomBytes } from 'node:crypto';
import { clock } from '../clock.js';
import { idsIn, type MessageIds, SEARCHED_END } from '../domain/message-ids.js';
import {
  type DeadLetter,
  type DeadLetterLimits,
  MAX_PAYLOAD_BYTES,
  type NewDeadLetter,
} from './dead-letters.js';

/** Bytes of a payload that lists show. They are stored apart, so that a list reads no more than it shows. */
export const HEAD_BYTES = 64 * 2 ** 10;
/** Bytes that a dead letter counts beside its payload, so that a flood of empty ones is bounded, too. */
const OVERHEAD_BYTES = 1024;
const MAX_REASON_LENGTH = 500;

export interface DeadLetterRecord extends MessageIds {
  /** Begins with the time. */
  readonly id: string;
  readonly inlet: string;
  readonly reason: string;
  readonly truncated: boolean;
  /** What it counts against the bound of all dead letters. */
  readonly bytes: number;
  /** The payload's first `HEAD_BYTES` bytes at most. */
  readonly head: string;
  /** The rest of the payload. */
  readonly tail: string;
}

export class DeadLetterRecords {
  #lastAt = 0;
  #count = 0;

  constructor(private readonly limits: DeadLetterLimits) {}

  of({ inlet, reason, payload }: NewDeadLetter): DeadLetterRecord {
    const { text, length, searched } = typeof payload === 'string' ? readText(payload) : readBytes(payload);
    const maxBytes = Math.max(0, Math.min(MAX_PAYLOAD_BYTES, this.limits.maxBytes - OVERHEAD_BYTES));
    const kept = cutText(text, maxBytes);
    const head = cutText(kept, HEAD_BYTES);
    const truncated = length > maxBytes;
    const cut = truncated ? `; too large to be kept whole: the beginning of ${length} bytes` : '';
    return {
      id: this.#nextId(clock.now()),
      inlet,
      reason: `${reason.toWellFormed().slice(0, MAX_REASON_LENGTH).toWellFormed()}${cut}`,
      truncated,
      bytes: Math.min(length, maxBytes) + OVERHEAD_BYTES,
      head,
      tail: kept.slice(head.length),
      ...idsIn(searched),
    };
  }

  /** The id below which dead letters have expired by now. */
  expiry(): string {
    return hex(Math.max(0, clock.now() - this.limits.ttlMs));
  }

  hasExpired(id: string): boolean {
    return id < this.expiry();
  }

  /** Time, counter and random bytes: in the order of creation within a process, and different from every other process's. */
  #nextId(now: number): string {
    if (now > this.#lastAt) {
      this.#lastAt = now;
      this.#count = 0;
    } else if (++this.#count === 2 ** 16) {
      this.#lastAt++;
      this.#count = 0;
    }
    return `${hex(this.#lastAt)}${this.#count.toString(16).padStart(4, '0')}${randomBytes(8).toString('hex')}`;
  }
}

interface ReadPayload {
  /** Well-formed; all of the payload that can be kept. */
  readonly text: string;
  /** Bytes of the whole payload. */
  readonly length: number;
  /** Where the ids are searched. */
  readonly searched: string;
}

function readText(payload: string): ReadPayload {
  const text = payload.toWellFormed();
  return { text, length: Buffer.byteLength(text), searched: text };
}

/** All of a message of 64 MiB as text would hold up the process for half a second, and take some times its memory. */
function readBytes(payload: Uint8Array): ReadPayload {
  if (payload.byteLength <= MAX_PAYLOAD_BYTES) return readText(new TextDecoder().decode(payload));
  const text = new TextDecoder().decode(cutBytes(payload, MAX_PAYLOAD_BYTES));
  const end = new TextDecoder().decode(payload.subarray(-SEARCHED_END));
  return { text, length: payload.byteLength, searched: `${text}\n${end}` };
}

/** Of a character, at most. */
const CHARACTER_BYTES = 4;
const TIME_DIGITS = 12;
const hex = (ms: number): string => ms.toString(16).padStart(TIME_DIGITS, '0');

/** The dead letter of a record, or of the part of it that was read. */
export const deadLetterOf = (
  { id, inlet, reason, truncated, head, tail }: Omit<DeadLetterRecord, keyof MessageIds | 'bytes'>,
  payloadBytes = Infinity,
): DeadLetter => ({
  id,
  inlet,
  reason,
  receivedAt: new Date(Number.parseInt(id.slice(0, TIME_DIGITS), 16)).toISOString(),
  payload: cutText(head + tail, payloadBytes),
  truncated,
});

/** The beginning of a well-formed text: at most so many bytes in UTF-8, and never half a character. */
function cutText(text: string, bytes: number): string {
  if (text.length * 3 <= bytes || Buffer.byteLength(text) <= bytes) return text;
  // No character has fewer bytes than UTF-16 units.
  return cutBytes(Buffer.from(text.slice(0, bytes)), bytes).toString();
}

/** The beginning of UTF-8, at most so many bytes, without half a character at its end. */
function cutBytes<T extends Uint8Array>(encoded: T, bytes: number): T {
  let end = bytes;
  while (end > bytes - CHARACTER_BYTES && ((encoded[end] ?? 0) & 0xc0) === 0x80) end--;
  return encoded.subarray(0, end) as T;
}
