/** Refuses the tokens of users whose sessions were revoked, by a copy of the revocations that is read again every few seconds. */

import type { UserId } from '../domain/id.js';
import { Fault } from '../errors.js';
import type { Revocation, RevocationStore } from '../store/revocations.js';
import { isIssuedBefore, type Principal } from './principal.js';

interface RevocationsOptions {
  /** The store is read this often: a gateway learns of a revocation by then, whatever messages were lost. */
  readonly checkMs: number;
  /** Called with each reason why the store could not be read, once until it can be read again. */
  readonly onProblem: (reason: unknown) => void;
}

/** Tokens are refused for now where the copy is older than this: a gateway that is cut off from its store must not guess. */
const MAX_AGE_MS = 60_000;

export class Revocations {
  readonly #bySub = new Map<UserId, number>();
  #mark: number | null = null;
  /** When the last read that succeeded began, by the monotonic clock. */
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isAway = false;
  #onNew: (revocation: Revocation) => void = () => undefined;

  constructor(
    private readonly store: RevocationStore,
    private readonly options: RevocationsOptions,
  ) {}

  /** Reads the store periodically, and reports each revocation that this gateway had not learnt before. */
  start(onNew: (revocation: Revocation) => void): void {
    this.#onNew = onNew;
    this.#timer ??= setInterval(() => void this.#read().catch(() => undefined), this.options.checkMs).unref();
    void this.#read().catch(() => undefined);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** @throws Fault `unauthorized` where the token was revoked; `unavailable` where that is unknown */
  async check(principal: Principal): Promise<void> {
    if (performance.now() - this.#readAt > MAX_AGE_MS) await this.#read();
    if (this.isRevoked(principal))
      throw new Fault('unauthorized', 'the token was revoked', { challenge: 'invalid_token' });
  }

  /** By what this gateway knows now. */
  isRevoked(principal: Principal): boolean {
    const at = principal.sub === null ? undefined : this.#bySub.get(principal.sub);
    return at !== undefined && isIssuedBefore(principal, at);
  }

  /** Revokes the tokens that the user has now. Fulfilled once that is stored. @throws Fault `unavailable` */
  async revoke(sub: UserId): Promise<Revocation> {
    const revocation = { sub, at: Date.now() };
    await this.store.add(revocation);
    return revocation;
  }

  /** Takes over a revocation that is stored. False: this one or a later one of the user is known. */
  learn({ sub, at }: Revocation): boolean {
    if ((this.#bySub.get(sub) ?? Number.NEGATIVE_INFINITY) >= at) return false;
    this.#bySub.set(sub, at);
    return true;
  }

  #read(): Promise<void> {
    this.#reading ??= this.#readNew().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readNew(): Promise<void> {
    const startedAt = performance.now();
    try {
      const { revocations, mark } = await this.store.since(this.#mark);
      this.#mark = mark;
      this.#readAt = startedAt;
      this.#isAway = false;
      for (const revocation of revocations) if (this.learn(revocation)) this.#onNew(revocation);
    } catch (error) {
      if (!this.#isAway) this.options.onProblem(error);
      this.#isAway = true;
      throw error;
    }
  }
}
