/** Keeps the token of a socket valid: passes it to the handshake, and refreshes it before it expires. */
import type { ListenerSocket, Refusal } from './protocol.js';

/** A token, or a function that returns a fresh one. A token alone cannot be refreshed. */
export type TokenSource = string | (() => string | Promise<string>);

/** A refresh is due when this share of the token's time is left, at the earliest a minute before it expires. */
const SHARE_LEFT = 0.2;
const MAX_LEAD_MS = 60_000;
const RETRY_MS = 5_000;
/** A timer with a longer delay would fire at once. */
const MAX_WAIT_MS = 2 ** 31 - 1;

/** There is one for each socket, however many listeners it has. */
export class TokenKeeper {
  static readonly #ofSockets = new WeakMap<ListenerSocket, TokenKeeper>();

  static of(socket: ListenerSocket, source: TokenSource): TokenKeeper {
    const keeper = TokenKeeper.#ofSockets.get(socket) ?? new TokenKeeper(socket, source);
    TokenKeeper.#ofSockets.set(socket, keeper);
    return keeper;
  }

  #timer: ReturnType<typeof setTimeout> | undefined;
  #expiresAt: number | null = null;

  private constructor(
    private readonly socket: ListenerSocket,
    private readonly source: TokenSource,
  ) {
    socket.auth = (answer) => {
      this.#token().then(
        (token) => answer({ token }),
        () => answer({}),
      );
    };
    socket.on('connect', () => this.#schedule());
    socket.on('disconnect', () => clearTimeout(this.#timer));
    if (socket.connected) void this.refresh();
  }

  /** Resolves with whether the gateway accepted a new token. */
  async refresh(): Promise<boolean> {
    clearTimeout(this.#timer);
    if (typeof this.source === 'string' || !this.socket.connected) return false;
    try {
      const token = await this.#token();
      return await new Promise((resolve) => {
        this.socket.emit('refresh', { token }, (answer: unknown) => resolve(this.#refreshed(answer)));
      });
    } catch {
      this.#timer = setTimeout(() => void this.refresh(), RETRY_MS);
      return false;
    }
  }

  #refreshed(answer: unknown): boolean {
    const { ok, error } = (answer ?? {}) as { ok?: boolean; error?: Refusal };
    if (ok === true) this.#schedule();
    else if (error?.retryable) this.#timer = setTimeout(() => void this.refresh(), RETRY_MS);
    return ok === true;
  }

  async #token(): Promise<string> {
    const token = typeof this.source === 'string' ? this.source : await this.source();
    this.#expiresAt = expiryOf(token);
    return token;
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#expiresAt === null || typeof this.source === 'string') return;
    const left = this.#expiresAt - Date.now();
    // The gateway accepts what has expired by the clock of this machine: that clock is ahead, and says nothing about the time left.
    const wait = left > 0 ? left - Math.min(MAX_LEAD_MS, left * SHARE_LEFT) : MAX_LEAD_MS;
    this.#timer = setTimeout(
      () => (wait > MAX_WAIT_MS ? this.#schedule() : void this.refresh()),
      Math.min(wait, MAX_WAIT_MS),
    );
  }
}

/** Milliseconds since 1970, from the token, whose signature only the gateway checks; null if it has no expiry. */
function expiryOf(token: string): number | null {
  try {
    const body = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const { exp } = JSON.parse(atob(body)) as { exp?: unknown };
    return typeof exp === 'number' ? exp * 1000 : null;
  } catch {
    return null;
  }
}
