/**
 * Reaches the sockets of all gateways: ends the sessions of a user, and counts the listeners of a file. The other gateways
 * are asked through Socket.IO's adapter, whose messages may be lost. So revocations are stored too, see `auth/revocations.ts`.
 */

import { z } from 'zod';
import type { Revocations } from '../auth/revocations.js';
import { FEEDS, roomOf } from '../domain/events.js';
import type { FileId, UserId } from '../domain/id.js';
import { countSchema, idSchema } from '../domain/schemas.js';
import { TurnLimit } from '../portions.js';
import { settledWithin } from '../waiting.js';
import { closeConnection } from './close-connection.js';
import type { ClientSocket, GatewayEvents, SocketServer } from './server-types.js';

/** The Socket.IO room of a user's sockets, at all gateways. */
const userRoom = (sub: UserId): string => `user:${sub}`;

/** The client sees it, see `closeConnection`. */
const REVOKED = 'revoked';
/** Longer than any adapter waits for the answers of other gateways: those that came until then are used. */
const MAX_WAIT_MS = 6_000;

/** Ahead of this gateway's clock. A revocation of a far future would refuse the tokens of a user until the gateway ends. */
const MAX_SKEW_MS = 60_000;
const revocationSchema = z.object({
  sub: idSchema,
  at: z
    .number()
    .int()
    .refine((at) => at <= Date.now() + MAX_SKEW_MS),
});
/** Connections that are closed in one turn of the event loop. */
const CLOSES_PER_TURN = 250;

interface ListenerCount {
  readonly listeners: number;
  /** Gateways that were counted: one that does not answer in time is left out. */
  readonly gateways: number;
}

export class ClusterSockets {
  readonly #closes = new TurnLimit(CLOSES_PER_TURN);

  /** `isShared`: there may be other gateways, and the server has an adapter that reaches them. */
  constructor(
    private readonly io: SocketServer,
    private readonly revocations: Revocations,
    private readonly isShared: boolean,
  ) {
    io.on('connection', (socket) => this.#opened(socket));
    // What comes from Redis may be anything.
    io.on('revoked', (message, answer) => {
      const { data: revocation } = revocationSchema.safeParse(message);
      if (revocation !== undefined && typeof answer === 'function') answer(this.#end(revocation));
    });
    io.on('count_listeners', (message, answer) => {
      const { data: fileId } = idSchema.safeParse(message);
      if (fileId !== undefined && typeof answer === 'function') answer(this.#listenersHere(fileId));
    });
  }

  /** From now on this gateway learns of every revocation within the time of `RevocationsOptions.checkMs`. */
  start(): void {
    this.revocations.start(({ sub }) => this.#closeRevoked(sub));
  }

  /**
   * Revokes the tokens of a user and disconnects their sockets at every gateway.
   * @returns how many sockets that were; those of a gateway that does not answer in time are not counted
   * @throws Fault `unavailable` where it cannot be stored: nothing was revoked
   */
  async revoke(sub: UserId): Promise<number> {
    const revocation = await this.revocations.revoke(sub);
    const here = this.#end(revocation);
    return (await this.#askOthers('revoked', revocation)).reduce((sum, count) => sum + count, here);
  }

  async listenersOf(fileId: FileId): Promise<ListenerCount> {
    const others = await this.#askOthers('count_listeners', fileId);
    const counts = [this.#listenersHere(fileId), ...others];
    return { listeners: counts.reduce((sum, count) => sum + count, 0), gateways: counts.length };
  }

  /** The user may have been revoked between the handshake and now, when no gateway found the socket in its room. */
  #opened(socket: ClientSocket): void {
    const { principal } = socket.data;
    if (principal.sub === null) return;
    void socket.join(userRoom(principal.sub));
    if (!this.revocations.isRevoked(principal)) return;
    release(socket, principal.sub);
    closeConnection(socket.conn, REVOKED);
  }

  /** Returns the number of sockets that are disconnected here. */
  #end(revocation: z.output<typeof revocationSchema>): number {
    this.revocations.learn(revocation);
    return this.#closeRevoked(revocation.sub);
  }

  /** A socket that has a newer token by now stays. */
  #closeRevoked(sub: UserId): number {
    const revoked = this.#socketsOf(sub).filter(({ data }) =>
      this.revocations.isRevoked(data.subscriptions.principal),
    );
    void this.#closeInTurns(revoked, sub);
    return revoked.length;
  }

  /** Thousands may be of one user. From now on no event and no answer is sent to any of them. */
  async #closeInTurns(sockets: readonly ClientSocket[], sub: UserId): Promise<void> {
    for (const socket of sockets) release(socket, sub);
    await this.#closes.each(sockets, ({ conn }) => closeConnection(conn, REVOKED));
  }

  #socketsOf(sub: UserId): ClientSocket[] {
    const { adapter, sockets } = this.io.of('/');
    const ids = adapter.rooms.get(userRoom(sub)) ?? [];
    return [...ids].flatMap((id) => sockets.get(id) ?? []);
  }

  #listenersHere(fileId: FileId): number {
    const { adapter, sockets } = this.io.of('/');
    const ids = FEEDS.flatMap((feed) => [...(adapter.rooms.get(roomOf(feed, fileId)) ?? [])]);
    // Those that have gone leave their rooms in turns.
    return [...new Set(ids)].filter((id) => sockets.has(id)).length;
  }

  async #askOthers<E extends keyof GatewayEvents>(event: E, message: Parameters<GatewayEvents[E]>[0]) {
    const counts: number[] = [];
    if (!this.isShared) return counts;
    const ask = this.io.serverSideEmit.bind(this.io) as unknown as AskGateways;
    const answered = new Promise<void>((resolve) => {
      ask(event, message, (_timeout, answers) => {
        counts.push(...(z.array(countSchema).safeParse(answers).data ?? []));
        resolve();
      });
    });
    await settledWithin(MAX_WAIT_MS, answered);
    return counts;
  }
}

/** After a timeout the callback gets an error, and the answers that came until then. */
type AskGateways = (
  event: keyof GatewayEvents,
  message: unknown,
  answered: (timeout: Error | null, answers: unknown) => void,
) => void;

/** It leaves the room at once: the client may take its time to close. */
function release(socket: ClientSocket, sub: UserId): void {
  void socket.leave(userRoom(sub));
  void socket.data.subscriptions.end();
}
