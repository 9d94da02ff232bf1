/** Measures what waits to be sent to each socket, and cuts off sockets that do not read. */

import { setTimeout as pause } from 'node:timers/promises';
import type { Socket } from 'socket.io';
import type { Logger } from '../logger.js';
import type { Metrics } from '../metrics.js';
import { LARGE_ANSWER, type UnreadAnswers } from '../unread-answers.js';
import { closeConnection } from './close-connection.js';
import { internalsOf, takenBytes } from './engine-internals.js';
import type { ClientSocket } from './server-types.js';

export interface BackpressureOptions {
  /** A socket for which more bytes than this wait is a slow consumer, and is cut off. */
  readonly maxBufferedBytes: number;
  readonly unread: UnreadAnswers;
}

interface SocketBacklog {
  checkedAt: number;
  /** Bytes that waited at the last check. */
  waitingBefore: number;
  /** Bytes that may wait in addition to the limit. */
  allowance: number;
  isCutOff: boolean;
}

/** No peer can read faster than this: all that is written within the interval counts as one write. */
const CHECK_INTERVAL_MS = 100;
const POLL_INTERVAL_MS = 20;
/** A peer that reads nothing of an answer for this long is cut off. */
const NO_PROGRESS_TIMEOUT_MS = 5_000;

/**
 * A single change may be larger than the limit, and so may the answer to a listener that was away. A socket that is
 * sent so much at once gets an allowance, which shrinks as it reads. Otherwise one large change would cut off every
 * listener.
 */
export class Backpressure {
  readonly #backlogs = new WeakMap<ClientSocket, SocketBacklog>();

  readonly #closed: (this: Socket['conn']) => void;

  constructor(
    private readonly options: BackpressureOptions,
    private readonly metrics: Metrics,
    private readonly logger: Logger,
  ) {
    const { unread } = options;
    this.#closed = function () {
      unread.remove(this);
    };
  }

  /**
   * Whether more may be written to the socket. One that does not read is cut off here.
   * @param sentAt of `performance.now()`. What was sent by the last check, and had to wait for its turn since, counts as sent
   * at once: it is looked at with what is sent later.
   */
  mayWrite(socket: ClientSocket, sentAt = performance.now()): boolean {
    // Most sockets never have anything waiting: nothing is stored for them.
    if (!isAnythingWaiting(socket.conn) && !this.#backlogs.has(socket)) return true;
    const backlog = this.#backlogOf(socket);
    if (backlog.isCutOff) return false;
    if (sentAt <= backlog.checkedAt) return true;
    const now = performance.now();
    // Before anything is added up: a socket may send a thousand events in a turn, each of which asks.
    if (now - backlog.checkedAt < CHECK_INTERVAL_MS) return true;
    const { maxBufferedBytes } = this.options;
    const waiting = waitingBytes(socket.conn);
    const cameAtOnce =
      backlog.waitingBefore <= maxBufferedBytes && waiting - backlog.waitingBefore > maxBufferedBytes;
    backlog.allowance =
      waiting <= maxBufferedBytes ? 0 : cameAtOnce ? waiting : Math.min(backlog.allowance, waiting);
    backlog.checkedAt = now;
    backlog.waitingBefore = waiting;
    if (waiting <= maxBufferedBytes + backlog.allowance) return true;
    this.cutOff(socket, waiting);
    return false;
  }

  /**
   * Waits until the socket has read its earlier answers, so that no more than one answer is buffered for it. False: the
   * socket has disconnected, or did not read and was cut off.
   */
  async waitUntilWritable(socket: ClientSocket): Promise<boolean> {
    if (!isAnythingWaiting(socket.conn) && !this.#backlogs.has(socket)) return socket.connected;
    const backlog = this.#backlogOf(socket);
    let least = Number.POSITIVE_INFINITY;
    let deadline = 0;
    while (!backlog.isCutOff && socket.connected) {
      const waiting = waitingBytes(socket.conn);
      if (waiting <= this.options.maxBufferedBytes) {
        // So that the answer, however large, counts as sent at once.
        backlog.waitingBefore = 0;
        return true;
      }
      const now = performance.now();
      const unread = unreadBytes(socket.conn);
      if (unread < least) deadline = now + NO_PROGRESS_TIMEOUT_MS;
      least = Math.min(least, unread);
      if (now > deadline) this.cutOff(socket, waiting);
      else await pause(POLL_INTERVAL_MS);
    }
    return false;
  }

  /** Counts an answer that was just written, if the socket has much to read. */
  answered(socket: ClientSocket): void {
    const { conn } = socket;
    if (conn.readyState === 'closed' || !isAnythingWaiting(conn) || waitingBytes(conn) < LARGE_ANSWER) return;
    // Not when its socket leaves the namespace: what waits stays with the connection.
    conn.off('close', this.#closed);
    conn.once('close', this.#closed);
    this.options.unread.add(conn, {
      caller: socket.data.caller,
      bytes: () => waitingBytes(conn),
      left: () => unreadBytes(conn),
      end: () => this.cutOff(socket),
    });
  }

  /** Ends the connection of a socket that has too much waiting for it. Nothing more is written to it. */
  cutOff(socket: ClientSocket, waiting = waitingBytes(socket.conn)): void {
    const backlog = this.#backlogOf(socket);
    if (backlog.isCutOff) return;
    backlog.isCutOff = true;
    this.metrics.slowConsumers.inc();
    this.logger.warn({ socket: socket.id, waiting, reason: 'slow_consumer' }, 'cut off a slow consumer');
    void socket.data.subscriptions.end();
    closeConnection(socket.conn, 'slow_consumer');
  }

  #backlogOf(socket: ClientSocket): SocketBacklog {
    let backlog = this.#backlogs.get(socket);
    if (backlog === undefined) {
      backlog = { checkedAt: 0, waitingBefore: 0, allowance: 0, isCutOff: false };
      this.#backlogs.set(socket, backlog);
    }
    return backlog;
  }
}

function isAnythingWaiting(connection: Socket['conn']): boolean {
  const { writeBuffer, transport } = internalsOf(connection);
  return (transport?.socket?.bufferedAmount ?? 0) > 0 || (writeBuffer?.length ?? 0) > 0;
}

/** About how many bytes were written to a connection and not read by its peer yet: a text that was not sent counts by its length. */
export function waitingBytes(connection: Socket['conn']): number {
  const { writeBuffer, transport } = internalsOf(connection);
  let bytes = transport?.socket?.bufferedAmount ?? 0;
  for (const { data } of writeBuffer ?? []) bytes += typeof data === 'string' ? data.length : 0;
  return bytes;
}

/** The same without what the system has taken of the write under way: by this a peer can be seen to read a large answer. */
export const unreadBytes = (connection: Socket['conn']): number =>
  waitingBytes(connection) - takenBytes(internalsOf(connection).transport?.socket);
