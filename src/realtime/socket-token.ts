/** The token that a socket has now: which files it allows, until when, and its replacement by a newer one. */

import { isVisibleByToken } from '../auth/access-rules.js';
import type { Guard } from '../auth/guard.js';
import type { Principal } from '../auth/principal.js';
import type { FileId } from '../domain/id.js';
import type { FileFacts } from '../domain/stats.js';
import { Fault } from '../errors.js';

/** The longest delay of a timer: with a longer one it fires at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

interface ExpiryHandler {
  /** Called each time that a token expires before it was refreshed. */
  expired(): void;
}

export class SocketToken {
  #timer: NodeJS.Timeout | undefined;
  /** When the token expires by the monotonic clock: setting the wall clock back gives no user more time. */
  #expiresAt = Number.POSITIVE_INFINITY;
  #hasEnded = false;

  constructor(
    private readonly guard: Guard,
    /** Of the token that the socket has now. */
    public principal: Principal,
    private readonly handler: ExpiryHandler,
  ) {
    this.#startLifetime();
  }

  /**
   * Refuses a socket that may not listen to the file now. Answers with the file whose owner has decided; null: the token alone has.
   * @throws Fault `forbidden` where the token does not allow it, or the file does not exist; `unauthorized` where the token
   * has expired
   */
  async checkAccess(fileId: FileId): Promise<FileFacts | null> {
    for (;;) {
      const { principal } = this;
      if (this.#isExpired()) throw new Fault('unauthorized', 'the token has expired: refresh it');
      const { isGranted, file } = await this.guard.readAccess(principal, fileId);
      // The token was refreshed or has expired during the look-up: check again.
      if (principal !== this.principal || this.#isExpired()) continue;
      if (isGranted) return file;
      throw new Fault('forbidden', 'the token does not allow listening to this file');
    }
  }

  /** Whether a change of the file's owner could end the access. */
  dependsOnOwner(fileId: FileId): boolean {
    return !isVisibleByToken(this.principal, fileId);
  }

  /**
   * Replaces the token. Returns when the new one expires, as ISO 8601; null: never.
   * @throws Fault `unauthorized`; `forbidden` where it is another user's
   */
  async refresh(token: string): Promise<string | null> {
    const principal = await this.guard.authenticate(token);
    if (principal.sub !== this.principal.sub) throw new Fault('forbidden', 'the token has another sub');
    this.principal = principal;
    this.#startLifetime();
    return principal.expiresAt === null ? null : new Date(principal.expiresAt).toISOString();
  }

  end(): void {
    this.#hasEnded = true;
    clearTimeout(this.#timer);
  }

  #isExpired(): boolean {
    const { expiresAt } = this.principal;
    return expiresAt !== null && (expiresAt <= Date.now() || this.#expiresAt <= performance.now());
  }

  #startLifetime(): void {
    const { expiresAt } = this.principal;
    this.#expiresAt = performance.now() + (expiresAt ?? Number.POSITIVE_INFINITY) - Date.now();
    this.#scheduleExpiry();
  }

  #scheduleExpiry(): void {
    clearTimeout(this.#timer);
    if (this.principal.expiresAt === null || this.#hasEnded) return;
    const delay = Math.max(0, Math.min(Math.ceil(this.#expiresAt - performance.now()), MAX_DELAY_MS));
    // Compared with the clocks when the timer fires: the delay may have been cut.
    this.#timer = setTimeout(
      () => (this.#isExpired() ? this.handler.expired() : this.#scheduleExpiry()),
      delay,
    ).unref();
  }
}
