import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { InvalidInput } from '../domain/invalid-input.js';
import { Fault } from '../errors.js';
import type { ReceiptClaim, ReceiptStore } from '../store/receipts.js';

export const IDEMPOTENCY_KEY = 'Idempotency-Key';
/** Says that an answer is that of an earlier request under the same key. */
export const IDEMPOTENCY_REPLAYED = 'Idempotency-Replayed';
const MAX_KEY_LENGTH = 255;
const RETRY_AFTER_SECONDS = 1;

const wrongKey = (message: string) => new InvalidInput([{ field: IDEMPOTENCY_KEY, message }]);

/** The caller's key; null: none. @throws InvalidInput naming the header */
export function idempotencyKey(req: IncomingMessage): string | null {
  const given = req.headersDistinct['idempotency-key'];
  if (given === undefined) return null;
  const [key = '', ...others] = given;
  if (others.length > 0) throw wrongKey('must be given once');
  if (key.length > MAX_KEY_LENGTH || !/^[\x20-\x7e]+$/.test(key))
    throw wrongKey(`must be 1 to ${MAX_KEY_LENGTH} characters of printable ASCII`);
  return key;
}

export interface IdempotentAnswer {
  /** As JSON. */
  readonly answer: string;
  /** It was answered before, or to another request that is under way. */
  readonly replayed: boolean;
}

interface ReceiptTimes {
  /** The longest that one submission takes, and how long its answer is kept. */
  readonly leaseMs: number;
  readonly keepMs: number;
}

/** Carries out each submission that names a key once, and answers the repeated ones alike. */
export class Idempotency {
  readonly #underWay = new Map<string, { fingerprint: string; answer: Promise<IdempotentAnswer> }>();

  constructor(
    private readonly store: ReceiptStore,
    private readonly terms: ReceiptTimes,
  ) {}

  /**
   * `fingerprint` tells one submission from another. What comes to nothing leaves the key free: whoever repeats it tries again.
   * @throws InvalidInput where the key was used for something else; Fault `unavailable` while another gateway is at it
   */
  async submitOnce(
    fileId: string,
    key: string,
    fingerprint: string,
    submit: () => Promise<string>,
  ): Promise<IdempotentAnswer> {
    const id = JSON.stringify([fileId, key]);
    const other = this.#underWay.get(id);
    if (other !== undefined) {
      if (other.fingerprint !== fingerprint) throw anotherList();
      return { ...(await other.answer), replayed: true };
    }
    const receipt = { fileId, key, fingerprint, owner: randomUUID(), ...this.terms };
    const answer = this.#claimed(receipt, submit).finally(() => this.#underWay.delete(id));
    this.#underWay.set(id, { fingerprint, answer });
    return answer;
  }

  async #claimed(receipt: ReceiptClaim, submit: () => Promise<string>): Promise<IdempotentAnswer> {
    const claimed = await this.store.claim(receipt);
    if (claimed.state === 'answered') return { answer: claimed.answer, replayed: true };
    if (claimed.state === 'another list') throw anotherList();
    if (claimed.state === 'under way') {
      throw new Fault('unavailable', 'a request under the same key is under way', {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    }
    let answer: string;
    try {
      answer = await submit();
    } catch (error) {
      // A receipt that cannot be given back is free after its lease.
      await this.store.complete(receipt, null).catch(() => undefined);
      throw error;
    }
    // The list is submitted and registered: an error now would only have it submitted again.
    await this.store.complete(receipt, answer).catch(() => undefined);
    return { answer, replayed: false };
  }
}

const anotherList = () => wrongKey('was used for another list or other flags');
