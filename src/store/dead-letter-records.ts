/** How both stores keep dead letters: what of a message, under which id, and for how long. */

import { randomBytes } from 'node:crypto';
import { clock } from '../clock.js';
import { idsIn, type MessageIds } from '../domain/message-ids.js';
import type { DeadLetter, DeadLetterLimits, NewDeadLetter } from './dead-letters.js';

/** The most that is kept of one message: the largest update there is by default. MongoDB takes no more than 16 MB. */
const MAX_PAYLOAD_BYTES = 8 * 2 ** 20;
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
    const text = payload.toWellFormed();
    const length = Buffer.byteLength(text);
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
      ...idsIn(text),
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
  const encoded = Buffer.from(text.slice(0, bytes));
  let end = bytes;
  while (((encoded[end] ?? 0) & 0xc0) === 0x80) end--;
  return encoded.toString('utf8', 0, end);
}
