/** The files that one socket listens to: joins and leaves their rooms, and checks that the socket may see them. */

import type { Guard } from '../auth/guard.js';
import type { Principal } from '../auth/principal.js';
import type { Broadcaster, Followed } from '../broadcast/broadcaster.js';
import { CallerShares } from '../caller-shares.js';
import { type Cursor, FEEDS, type FeedName, roomOf, type Subscribed } from '../domain/events.js';
import type { FileId } from '../domain/id.js';
import type { JsonText } from '../domain/json-text.js';
import { Fault } from '../errors.js';
import type { Metrics } from '../metrics.js';
import { TurnLimit } from '../portions.js';
import type { Snapshots } from '../snapshot/snapshots.js';
import { SocketToken } from './socket-token.js';

/** Subscriptions that are ended in one turn of the event loop: each takes some 20 microseconds. */
const ENDS_PER_TURN = 250;

/** What the subscriptions of all sockets have together. */
export class SharedLimits {
  /** Subscriptions of each caller, over all its sockets. */
  readonly shares: CallerShares;
  /** Of connections that are over, which may be thousands at once. */
  readonly ends = new TurnLimit(ENDS_PER_TURN);
  /** Of tokens that expire, which may be one for thousands of sockets. */
  readonly expiries = new TurnLimit(ENDS_PER_TURN);

  constructor(readonly maxSubscriptions: number) {
    this.shares = new CallerShares(maxSubscriptions);
  }
}

/** Shared by the subscriptions of all sockets. */
interface SubscriptionsDeps {
  readonly limits: SharedLimits;
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
  /** Null: it is about to be followed. */
  readonly #files = new Map<FileId, Followed | null>();
  readonly #token: SocketToken;
  /** Set for good: the connection is over, or is being closed. */
  #end: Promise<void> | null = null;
  /** While subscriptions end because the token has expired. */
  #expiry: Promise<void> | null = null;

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
    const { broadcaster } = this.deps;
    if (this.#end !== null) throw connectionHasEnded();
    await token.checkAccess(fileId);
    // The file may have been deleted without this one having been told yet.
    await broadcaster.untilAllAreTold(fileId);
    const isNew = !this.#files.has(fileId);
    if (isNew) await this.#add(fileId);
    try {
      if (isNew) await token.checkAccess(fileId);
      // The file was deleted meanwhile: one that is not in its rooms yet is not told so.
      if (this.#files.get(fileId)?.isRemoved) await this.drop(fileId);
      for (const feed of FEEDS) {
        const followed = this.#files.get(fileId);
        if (followed != null && feeds.includes(feed)) await this.socket.join(followed.rooms[feed]);
        else await this.socket.leave(roomOf(feed, fileId));
      }
      // Thousands may subscribe at once. Their snapshots must not block the event loop.
      await this.deps.snapshotLimit.wait();
      const answer = await this.deps.snapshots.subscribed({
        fileId,
        feeds,
        since,
        caller: this.client.caller,
        checkAccess: () => token.checkAccess(fileId),
        isWanted: () => this.#end === null,
      });
      // The subscriptions may have begun to end meanwhile: the user may have been revoked.
      if (this.#end !== null) throw connectionHasEnded();
      if (this.#files.get(fileId)?.isRemoved === false) return answer;
    } catch (error) {
      if (isNew || isRefusal(error)) await this.unsubscribe(fileId);
      throw error;
    }
    // The file was deleted meanwhile, which ended the subscription. An answer `ok` needs one that lasts.
    return this.subscribe(fileId, feeds, null);
  }

  async unsubscribe(fileId: FileId): Promise<void> {
    const followed = this.#files.get(fileId);
    if (followed != null) this.deps.broadcaster.leave(followed, this.client.caller);
    await this.drop(fileId);
  }

  /** Ends a subscription whose feed the broadcaster does not follow: the file was deleted, or following failed. */
  async drop(fileId: FileId): Promise<void> {
    if (!this.#files.delete(fileId)) return;
    this.deps.metrics.subscriptions.dec();
    this.deps.limits.shares.add(this.client.caller, -1);
    // Both at once: a new subscription that begins meanwhile must not lose its second room afterwards.
    await Promise.all(FEEDS.map((feed) => this.socket.leave(roomOf(feed, fileId))));
  }

  /** Replaces the token, and ends the subscriptions that the new one does not allow. See `SocketToken.refresh`. */
  async refresh(token: string): Promise<string | null> {
    const expiresAt = await this.#token.refresh(token);
    await this.#expiry;
    await this.recheck();
    return expiresAt;
  }

  /** Ends all subscriptions because the token has expired. */
  expired(): void {
    this.#expiry ??= this.#inTurns(this.deps.limits.expiries, (fileId) =>
      this.#endWithCode(fileId, 'token_expired'),
    ).finally(() => {
      this.#expiry = null;
    });
  }

  has(fileId: FileId): boolean {
    return this.#files.has(fileId);
  }

  /** No events are for the socket any more: its subscriptions end, each in its turn. */
  get areEnding(): boolean {
    return this.hasEnded || this.#expiry !== null;
  }

  /** The connection is over, or is being closed: nothing is for the socket any more, no answer either. */
  get hasEnded(): boolean {
    return this.#end !== null;
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
  async recheck(fileIds: Iterable<FileId> = this.#files.keys()): Promise<void> {
    await Promise.all([...fileIds].map((fileId) => this.#recheck(fileId)));
  }

  async #recheck(fileId: FileId): Promise<void> {
    try {
      await this.#token.checkAccess(fileId);
    } catch (error) {
      if (isRefusal(error)) this.#endWithCode(fileId, 'forbidden');
      // Access is unknown, so nothing more is sent. The client reconnects and is checked again.
      else {
        void this.end();
        this.socket.conn.close();
      }
    }
  }

  #endWithCode(fileId: FileId, code: string): void {
    if (!this.#files.has(fileId)) return;
    // The rooms are left before the next statement: no event follows `unsubscribed`.
    void this.unsubscribe(fileId);
    if (!this.hasEnded) this.socket.emit('unsubscribed', { fileId, code });
  }

  /** Ends all subscriptions, and allows no new ones. Fulfilled once they have ended. */
  end(): Promise<void> {
    this.#token.end();
    this.#end ??= this.#inTurns(this.deps.limits.ends, (fileId) => void this.unsubscribe(fileId));
    return this.#end;
  }

  /** A socket may have thousands of subscriptions, and thousands of sockets may end in one moment. */
  #inTurns(limit: TurnLimit, end: (fileId: FileId) => void): Promise<void> {
    return limit.each([...this.#files.keys()], end);
  }

  async #add(fileId: FileId): Promise<void> {
    const { broadcaster, metrics, maxSubscriptions, limits } = this.deps;
    const { caller } = this.client;
    if (this.#end !== null) throw connectionHasEnded();
    if (this.#files.size >= maxSubscriptions) {
      throw new Fault('too_many_subscriptions', `a socket may subscribe to ${maxSubscriptions} files`);
    }
    if (limits.shares.of(caller) >= limits.shares.mostOf(caller)) {
      // Others leave room sooner or later, and so do the caller's own sockets that have gone: it may be tried again.
      throw new Fault(
        'rate_limited',
        `MAX_SUBSCRIPTIONS: of ${limits.maxSubscriptions}, one caller gets half of what the others leave`,
      );
    }
    this.#files.set(fileId, null);
    metrics.subscriptions.inc();
    limits.shares.add(caller, 1);
    try {
      const followed = await broadcaster.join(fileId, caller);
      // With the id's text that all its listeners share.
      if (this.#files.delete(fileId)) this.#files.set(followed.fileId, followed);
      else broadcaster.leave(followed, caller);
    } catch (error) {
      await this.drop(fileId);
      throw error;
    }
    // The socket may have disconnected meanwhile.
    if (this.#end !== null) {
      await this.unsubscribe(fileId);
      throw connectionHasEnded();
    }
  }
}

const connectionHasEnded = (): Fault => new Fault('unavailable', 'the connection has ended');

const isRefusal = (error: unknown): boolean =>
  error instanceof Fault && (error.code === 'forbidden' || error.code === 'unauthorized');
