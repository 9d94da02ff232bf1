/** Watches the connection of a listener's socket: why it has ended, and when to connect again where Socket.IO does not. */
import type { ListenerSocket, Refusal } from './protocol.js';

/** Later than any gateway asks for. */
const MAX_RECONNECT_MS = 600_000;

interface ConnectionListener {
  /** `cutOff`: why the gateway had closed the last connection. */
  connected(cutOff: string | undefined): void;
  disconnected(reason: 'disconnected' | 'draining'): void;
  /** No connection was made; `refusal`: of the gateway, if it answered. */
  failed(refusal: Refusal | undefined): void;
  /** To be connected by the program after this time; undefined: after the pause of a failure. */
  mustConnect(afterMs?: number): void;
}

export class ConnectionWatch {
  /** When the gateway that is about to close wants its listeners to come back. */
  #reconnectAt: number | undefined;
  /** Why the gateway has closed the last connection. */
  #cutOff: string | undefined;

  constructor(
    private readonly socket: ListenerSocket,
    private readonly listener: ConnectionListener,
  ) {}

  /** By the socket's events. */
  readonly handlers: Record<string, (...args: unknown[]) => void> = {
    connect: () => {
      const cutOff = this.#cutOff;
      this.#cutOff = undefined;
      this.listener.connected(cutOff);
    },
    disconnect: (reason, details) => this.#onDisconnect(reason, details),
    connect_error: (error) => {
      const { data } = (error ?? {}) as { data?: Refusal };
      this.listener.failed(typeof data?.code === 'string' ? data : undefined);
      // Socket.IO does not retry a refused handshake, even one that the gateway marks as retryable.
      if (data?.retryable === true) this.listener.mustConnect();
    },
    server_draining: (body) => {
      const { reconnectInMs } = (body ?? {}) as { reconnectInMs?: number };
      this.#reconnectAt = Date.now() + Math.min(MAX_RECONNECT_MS, Math.max(0, Number(reconnectInMs) || 0));
    },
  };

  #onDisconnect(reason: unknown, details: unknown): void {
    // The reason of the WebSocket's close frame.
    const { context } = (details ?? {}) as { context?: { reason?: unknown } };
    if (typeof context?.reason === 'string' && context.reason !== '') this.#cutOff = context.reason;
    const reconnectAt = this.#reconnectAt;
    this.#reconnectAt = undefined;
    this.listener.disconnected(reconnectAt === undefined ? 'disconnected' : 'draining');
    if (reason === 'io client disconnect') return; // the program disconnected on purpose
    if (reconnectAt !== undefined) {
      // Socket.IO would reconnect in a second: too early, and together with all listeners of this gateway.
      this.socket.disconnect();
      this.listener.mustConnect((reconnectAt - Date.now()) * (1 + Math.random() / 2));
    } else if (reason === 'io server disconnect') {
      // The only disconnect after which Socket.IO does not reconnect by itself.
      this.listener.mustConnect();
    }
  }
}
