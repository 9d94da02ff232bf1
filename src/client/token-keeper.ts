import type { ListenerSocket, Refusal } from './protocol.js';

/** A token, or how to get a fresh one. A text alone cannot be refreshed. */
export type TokenSource = string | (() => string | Promise<string>);

/** A refresh is tried when this share of a token's time is left, and a minute before its end at the latest. */
const SHARE_LEFT = 0.2;
const MAX_LEAD_MS = 60_000;
const RETRY_MS = 5_000;
/** Timers that wait for longer go off at once. */
const MAX_WAIT_MS = 2 ** 31 - 1;

/** Brings the token to the handshake, and another one before it runs out. One a socket, however many listeners. */
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

  /** Fulfilled with whether the gateway took a new token. */
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
    const wait = Math.max(0, left - Math.min(MAX_LEAD_MS, left * SHARE_LEFT));
    this.#timer = setTimeout(
      () => (wait > MAX_WAIT_MS ? this.#schedule() : void this.refresh()),
      Math.min(wait, MAX_WAIT_MS),
    );
  }
}

/** Milliseconds since 1970, as the token says; it is the gateway that checks it. */
function expiryOf(token: string): number | null {
  try {
    const body = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const { exp } = JSON.parse(atob(body)) as { exp?: unknown };
    return typeof exp === 'number' ? exp * 1000 : null;
  } catch {
    return null;
  }
}
