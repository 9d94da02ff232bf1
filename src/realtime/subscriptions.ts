/** The files that one socket listens to: joins and leaves their rooms, and checks that the socket may see them. */

import type { Guard } from '../auth/guard.js';
import type { Principal } from '../auth/principal.js';
import type { Broadcaster } from '../broadcast/broadcaster.js';
import { type Cursor, FEEDS, type FeedName, roomOf, type Subscribed } from '../domain/events.js';
import type { FileId } from '../domain/id.js';
import type { JsonText } from '../domain/json-text.js';
import { Fault } from '../errors.js';
import type { Metrics } from '../metrics.js';
import type { TurnLimit } from '../portions.js';
import type { Snapshots } from '../snapshot/snapshots.js';
import { SocketToken } from './socket-token.js';

/** Shared by the subscriptions of all sockets. */
interface SubscriptionsDeps {
  readonly guard: Guard;
  readonly broadcaster: Broadcaster;
  readonly snapshots: Snapshots;
  readonly snapshotLimit: TurnLimit;
  readonly metrics: Metrics;
  readonly maxSubscriptions: number;
}

/** The part of a socket that its subscriptions use. */
interface SubscribedSocket {
  join(room: string): Promise<void> | void;
  leave(room: string): Promise<void> | void;
  emit(event: 'unsubscribed', ended: { fileId: FileId; code: string }): unknown;
  /** The underlying connection. When it is closed, the client reconnects. */
  readonly conn: { close(): unknown };
}

export class Subscriptions {
  readonly #files = new Set<FileId>();
  readonly #token: SocketToken;
  #ended = false;

  constructor(
    private readonly socket: SubscribedSocket,
    private readonly client: { readonly principal: Principal; readonly caller: string },
    private readonly deps: SubscriptionsDeps,
  ) {
    this.#token = new SocketToken(deps.guard, client.principal, this);
  }

  /**
   * Joins the rooms before it takes the snapshot, so that no change falls in between. Subscribing again changes the
   * feeds, or fills a gap.
   *
   * Access is checked three times: at the start; once the feed is followed, from when on changes of the owner are
   * noticed; and once the snapshot is complete, because the file may have another owner by then.
   */
  async subscribe(
    fileId: FileId,
    feeds: readonly FeedName[],
    since: Cursor | null,
  ): Promise<JsonText<Subscribed>> {
    const token = this.#token;
    await token.checkAccess(fileId);
    const isNew = !this.#files.has(fileId);
    if (isNew) await this.#add(fileId);
    try {
      if (isNew) await token.checkAccess(fileId);
      for (const feed of FEEDS) {
        const room = roomOf(feed, fileId);
        if (this.#files.has(fileId) && feeds.includes(feed)) await this.socket.join(room);
        else await this.socket.leave(room);
      }
      // Thousands may subscribe at once. Their snapshots must not block the event loop.
      await this.deps.snapshotLimit.wait();
      const answer = await this.deps.snapshots.subscribed({
        fileId,
        feeds,
        since,
        caller: this.client.caller,
        checkAccess: () => token.checkAccess(fileId),
        isWanted: () => !this.#ended,
      });
      if (this.#files.has(fileId)) return answer;
    } catch (error) {
      if (isNew || isRefusal(error)) await this.unsubscribe(fileId);
      throw error;
    }
    if (this.#ended) throw new Fault('unavailable', 'the connection has ended');
    // The file was deleted meanwhile, which ended the subscription. An answer `ok` needs one that lasts.
    return this.subscribe(fileId, feeds, null);
  }

  async unsubscribe(fileId: FileId): Promise<void> {
    if (!this.#files.has(fileId)) return;
    this.deps.broadcaster.leave(fileId);
    await this.drop(fileId);
  }

  /** Ends a subscription whose feed the broadcaster does not follow: the file was deleted, or following failed. */
  async drop(fileId: FileId): Promise<void> {
    if (!this.#files.delete(fileId)) return;
    this.deps.metrics.subscriptions.dec();
    // Both at once: a new subscription that begins meanwhile must not lose its second room afterwards.
    await Promise.all(FEEDS.map((feed) => this.socket.leave(roomOf(feed, fileId))));
  }

  /** Replaces the token, and ends the subscriptions that the new one does not allow. See `SocketToken.refresh`. */
  async refresh(token: string): Promise<string | null> {
    const expiresAt = await this.#token.refresh(token);
    await this.recheck();
    return expiresAt;
  }

  /** Ends all subscriptions because the token has expired. */
  expired(): void {
    for (const fileId of [...this.#files]) this.#endWithCode(fileId, 'token_expired');
  }

  /** Of the token that the socket has now. */
  get principal(): Principal {
    return this.#token.principal;
  }

  /** Socket.IO's adapter sends the data of a socket to every gateway that lists sockets. This is not for them. */
  toJSON(): undefined {
    return undefined;
  }

  /** Whether a change of the file's owner could end the subscription. */
  dependsOnOwner(fileId: FileId): boolean {
    return this.#files.has(fileId) && this.#token.dependsOnOwner(fileId);
  }

  /** Ends the subscriptions that are no longer allowed. Never rejects. */
  async recheck(fileIds: Iterable<FileId> = this.#files): Promise<void> {
    await Promise.all([...fileIds].map((fileId) => this.#recheck(fileId)));
  }

  async #recheck(fileId: FileId): Promise<void> {
    try {
      await this.#token.checkAccess(fileId);
    } catch (error) {
      if (isRefusal(error)) this.#endWithCode(fileId, 'forbidden');
      // Access is unknown, so nothing more is sent. The client reconnects and is checked again.
      else {
        this.end();
        this.socket.conn.close();
      }
    }
  }

  #endWithCode(fileId: FileId, code: string): void {
    if (!this.#files.has(fileId)) return;
    // The rooms are left before the next statement: no event follows `unsubscribed`.
    void this.unsubscribe(fileId);
    this.socket.emit('unsubscribed', { fileId, code });
  }

  /** Ends all subscriptions, and allows no new ones. */
  end(): void {
    this.#ended = true;
    this.#token.end();
    for (const fileId of this.#files) void this.unsubscribe(fileId);
  }

  async #add(fileId: FileId): Promise<void> {
    const { broadcaster, metrics, maxSubscriptions } = this.deps;
    if (this.#files.size >= maxSubscriptions) {
      throw new Fault('too_many_subscriptions', `a socket may subscribe to ${maxSubscriptions} files`);
    }
    this.#files.add(fileId);
    metrics.subscriptions.inc();
    try {
      await broadcaster.join(fileId);
    } catch (error) {
      await this.drop(fileId);
      throw error;
    }
    // The socket may have disconnected meanwhile.
    if (this.#ended) {
      await this.unsubscribe(fileId);
      throw new Fault('unavailable', 'the connection has ended');
    }
  }
}

const isRefusal = (error: unknown): boolean =>
  error instanceof Fault && (error.code === 'forbidden' || error.code === 'unauthorized');
