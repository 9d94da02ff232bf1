import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '../logger.js';
import type { Metrics } from '../metrics.js';
import { cutOff, waitingBytes } from './connection.js';
import type { ClientSocket } from './server-types.js';

export interface BackpressureOptions {
  /** A socket for which more than this waits does not read, and is cut off. */
  readonly maxBufferedBytes: number;
}

interface SocketBacklog {
  judgedAt: number;
  /** What waited then. */
  before: number;
  /** What may wait beside the limit. */
  excused: number;
  isCut: boolean;
}

/** A peer cannot take anything sooner: what is written within this time is judged as one. */
const WINDOW_MS = 100;
/** How often somebody is looked at who has to take one answer before the next. */
const LOOK_MS = 20;
/** How long nothing at all may be taken of an answer. */
const PATIENCE_MS = 5_000;

/**
 * What waits for each socket, and who is cut off for it.
 *
 * A single change may be larger than the limit, and so may the answer to somebody who was away: whoever got that at once
 * is excused for it, as long as it gets less. Else every listener would be cut off by it, those that read first of all.
 */
export class Backpressure {
  readonly #backlogs = new WeakMap<ClientSocket, SocketBacklog>();

  constructor(
    private readonly options: BackpressureOptions,
    private readonly metrics: Metrics,
    private readonly logger: Logger,
  ) {}

  /** Whether something may be written to the socket; one that does not read is cut off instead. */
  admits(socket: ClientSocket): boolean {
    const { maxBufferedBytes } = this.options;
    const waiting = waitingBytes(socket.conn);
    // Most sockets never have anything waiting when they are asked about.
    if (waiting === 0 && !this.#backlogs.has(socket)) return true;
    const backlog = this.#of(socket);
    if (backlog.isCut) return false;
    const now = performance.now();
    if (now - backlog.judgedAt < WINDOW_MS) return true;
    const cameAtOnce = backlog.before <= maxBufferedBytes && waiting - backlog.before > maxBufferedBytes;
    backlog.excused =
      waiting <= maxBufferedBytes ? 0 : cameAtOnce ? waiting : Math.min(backlog.excused, waiting);
    backlog.judgedAt = now;
    backlog.before = waiting;
    if (waiting <= maxBufferedBytes + backlog.excused) return true;
    this.#cut(socket, backlog, waiting);
    return false;
  }

  /**
   * Fulfilled once the socket has taken what it was answered before, so that no more than one answer waits for it. False:
   * it does not, and was cut off.
   */
  async ready(socket: ClientSocket): Promise<boolean> {
    if (waitingBytes(socket.conn) === 0 && !this.#backlogs.has(socket)) return socket.connected;
    const backlog = this.#of(socket);
    let least = Number.POSITIVE_INFINITY;
    let patientUntil = 0;
    while (!backlog.isCut && socket.connected) {
      const waiting = waitingBytes(socket.conn);
      if (waiting <= this.options.maxBufferedBytes) {
        // The answer comes at once, however large it is.
        backlog.before = 0;
        return true;
      }
      const now = performance.now();
      if (waiting < least) patientUntil = now + PATIENCE_MS;
      least = Math.min(least, waiting);
      if (now > patientUntil) this.#cut(socket, backlog, waiting);
      else await pause(LOOK_MS);
    }
    return false;
  }

  #of(socket: ClientSocket): SocketBacklog {
    let backlog = this.#backlogs.get(socket);
    if (backlog === undefined) {
      backlog = { judgedAt: 0, before: 0, excused: 0, isCut: false };
      this.#backlogs.set(socket, backlog);
    }
    return backlog;
  }

  #cut(socket: ClientSocket, backlog: SocketBacklog, waiting: number): void {
    backlog.isCut = true;
    this.metrics.slowConsumers.inc();
    this.logger.warn(
      { socket: socket.id, waiting, reason: 'slow_consumer' },
      'a socket that does not read was cut off',
    );
    socket.data.subscriptions.end();
    cutOff(socket.conn, 'slow_consumer');
  }
}
