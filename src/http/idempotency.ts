/** Repeats of a submission under the same `Idempotency-Key`: submitted once, answered alike. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FileId } from '../domain/id.js';
import { InvalidInput } from '../domain/invalid-input.js';
import { Fault } from '../errors.js';
import type { ReceiptClaim, ReceiptStore } from '../store/receipts.js';

export const IDEMPOTENCY_KEY = 'Idempotency-Key';
/** The response header that marks the answer of an earlier request with the same key. */
export const IDEMPOTENCY_REPLAYED = 'Idempotency-Replayed';
const MAX_KEY_LENGTH = 255;
const RETRY_AFTER_SECONDS = 1;

const invalidKey = (message: string) => new InvalidInput([{ field: IDEMPOTENCY_KEY, message }]);

/** The caller's key; null where the header is missing. @throws InvalidInput naming the header */
export function idempotencyKey(req: IncomingMessage): string | null {
  const given = req.headersDistinct['idempotency-key'];
  if (given === undefined) return null;
  const [key = '', ...others] = given;
  if (others.length > 0) throw invalidKey('must be given once');
  if (key.length > MAX_KEY_LENGTH || !/^[\x20-\x7e]+$/.test(key))
    throw invalidKey(`must be 1 to ${MAX_KEY_LENGTH} characters of printable ASCII`);
  return key;
}

export interface IdempotentAnswer {
  /** JSON. */
  readonly answer: string;
  /** It is the answer to an earlier request, or to another one at the same time. */
  readonly replayed: boolean;
}

interface ReceiptTimes {
  /** The longest time that one submission takes. */
  readonly leaseMs: number;
  /** How long its answer is kept. */
  readonly keepMs: number;
}

export class Idempotency {
  readonly #running = new Map<string, { fingerprint: string; answer: Promise<IdempotentAnswer> }>();

  constructor(
    private readonly store: ReceiptStore,
    private readonly times: ReceiptTimes,
  ) {}

  /**
   * `fingerprint` tells one submission from another. A submission that fails leaves the key free for another try.
   * @throws InvalidInput where the key was used for another submission; Fault `unavailable` while another gateway submits
   */
  async submitOnce(
    fileId: FileId,
    key: string,
    fingerprint: string,
    submit: () => Promise<string>,
  ): Promise<IdempotentAnswer> {
    const id = JSON.stringify([fileId, key]);
    const other = this.#running.get(id);
    if (other !== undefined) {
      if (other.fingerprint !== fingerprint) throw anotherList();
      return { ...(await other.answer), replayed: true };
    }
    const receipt = { fileId, key, fingerprint, owner: randomUUID(), ...this.times };
    const answer = this.#claimAndSubmit(receipt, submit).finally(() => this.#running.delete(id));
    this.#running.set(id, { fingerprint, answer });
    return answer;
  }

  async #claimAndSubmit(receipt: ReceiptClaim, submit: () => Promise<string>): Promise<IdempotentAnswer> {
    const claimed = await this.store.claim(receipt);
    if (claimed.state === 'answered') return { answer: claimed.answer, replayed: true };
    if (claimed.state === 'another list') throw anotherList();
    if (claimed.state === 'under way') {
      throw new Fault('unavailable', 'a request with the same key is still running', {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    }
    let answer: string;
    try {
      answer = await submit();
    } catch (error) {
      // If this fails too, the key is free once the lease has ended.
      await this.store.complete(receipt, null).catch(() => undefined);
      throw error;
    }
    // The list is registered: an error now would make the caller submit it again.
    await this.store.complete(receipt, answer).catch(() => undefined);
    return { answer, replayed: false };
  }
}

const anotherList = () => invalidKey('was used for another list or other flags');
