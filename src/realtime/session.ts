import { isVisibleByToken } from '../auth/access-rules.js';
import type { Guard } from '../auth/guard.js';
import type { Principal } from '../auth/principal.js';
import { Fault } from '../errors.js';

/** Timers that wait for longer than this go off at once. */
const MAX_WAIT_MS = 2 ** 31 - 1;

interface Concerned {
  /** Called each time that a token has run out without another one in its place. */
  expired(): void;
}

/** Who is behind a socket, and until when. */
export class Session {
  #timer: NodeJS.Timeout | undefined;
  #hasEnded = false;

  constructor(
    private readonly guard: Guard,
    private principal: Principal,
    private readonly concerned: Concerned,
  ) {
    this.#wait();
  }

  /**
   * Whether the socket may listen to a file, now.
   * @throws Fault `forbidden`, for a file that is not there as well; `unauthorized` where the token has run out
   */
  async check(fileId: string): Promise<void> {
    for (;;) {
      const { principal } = this;
      if (this.#isExpired()) throw new Fault('unauthorized', 'the token has expired: refresh it');
      const canRead = await this.guard.canRead(principal, fileId);
      // Another token, or none any more, since that was asked.
      if (principal !== this.principal || this.#isExpired()) continue;
      if (canRead) return;
      throw new Fault('forbidden', 'the token does not allow to listen to this file');
    }
  }

  /** Whether it depends on the file's owner that the socket may listen to it. */
  dependsOnOwner(fileId: string): boolean {
    return !isVisibleByToken(this.principal, fileId);
  }

  /**
   * Takes a new token in the place of the old one; answers until when it is good, as ISO 8601.
   * @throws Fault `unauthorized`; `forbidden` where it is somebody else's
   */
  async refresh(token: string): Promise<string | null> {
    const principal = await this.guard.authenticate(token);
    if (principal.sub !== this.principal.sub) throw new Fault('forbidden', 'the token is of another sub');
    this.principal = principal;
    this.#wait();
    return principal.expiresAt === null ? null : new Date(principal.expiresAt).toISOString();
  }

  end(): void {
    this.#hasEnded = true;
    clearTimeout(this.#timer);
  }

  #isExpired(): boolean {
    return this.principal.expiresAt !== null && this.principal.expiresAt <= Date.now();
  }

  #wait(): void {
    clearTimeout(this.#timer);
    const { expiresAt } = this.principal;
    if (expiresAt === null || this.#hasEnded) return;
    const left = Math.max(0, Math.min(expiresAt - Date.now(), MAX_WAIT_MS));
    // Asked again when it goes off: the wait may have been cut, and clocks are set.
    this.#timer = setTimeout(
      () => (this.#isExpired() ? this.concerned.expired() : this.#wait()),
      left,
    ).unref();
  }
}
