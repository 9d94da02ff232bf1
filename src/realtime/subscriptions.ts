import type { Guard } from '../auth/guard.js';
import type { Principal } from '../auth/principal.js';
import type { Broadcaster } from '../broadcast/broadcaster.js';
import { type Cursor, FEEDS, type FeedName, roomOf, type Subscribed } from '../domain/events.js';
import type { JsonText } from '../domain/json-text.js';
import { Fault } from '../errors.js';
import type { Metrics } from '../metrics.js';
import type { Snapshots } from '../snapshot/snapshots.js';
import type { Pacer } from './pacer.js';
import { Session } from './session.js';

/** What the subscriptions of all sockets share. */
export interface SubscriptionsDeps {
  readonly guard: Guard;
  readonly broadcaster: Broadcaster;
  readonly snapshots: Snapshots;
  readonly pacer: Pacer;
  readonly metrics: Metrics;
  readonly maxSubscriptions: number;
}

/** What the subscriptions need of their socket. */
interface Member {
  join(room: string): Promise<void> | void;
  leave(room: string): Promise<void> | void;
  emit(event: 'unsubscribed', ended: { fileId: string; code: string }): unknown;
  /** The connection below it; closed, its client comes back. */
  readonly conn: { close(): unknown };
}

/** The files that one socket listens to. */
export class Subscriptions {
  readonly #files = new Set<string>();
  readonly #session: Session;
  #ended = false;

  constructor(
    private readonly socket: Member,
    principal: Principal,
    private readonly deps: SubscriptionsDeps,
  ) {
    this.#session = new Session(deps.guard, principal, this);
  }

  /**
   * Joins the rooms first and takes the snapshot after it, so that no change falls in between. Subscribing again is how
   * a listener changes its feeds or fills a gap.
   *
   * Who may listen is asked three times: before anything is done; when the feed is followed, from where on a change of the
   * owner is told; and after the snapshot, which may be of somebody else's file by then.
   */
  async subscribe(
    fileId: string,
    feeds: readonly FeedName[],
    since: Cursor | null,
  ): Promise<JsonText<Subscribed>> {
    const session = this.#session;
    await session.check(fileId);
    const isNew = !this.#files.has(fileId);
    if (isNew) await this.#add(fileId);
    try {
      if (isNew) await session.check(fileId);
      for (const feed of FEEDS) {
        const room = roomOf(feed, fileId);
        if (this.#files.has(fileId) && feeds.includes(feed)) await this.socket.join(room);
        else await this.socket.leave(room);
      }
      // Thousands may come at once, and nobody else may have to wait for all of them to be answered.
      await this.deps.pacer.go();
      const answer = await this.deps.snapshots.subscribed({ fileId, feeds, since });
      await session.check(fileId);
      if (this.#files.has(fileId)) return answer;
    } catch (error) {
      if (isNew || isRefusal(error)) await this.unsubscribe(fileId);
      throw error;
    }
    if (this.#ended) throw new Fault('unavailable', 'the connection has ended');
    // Deleted meanwhile, and the subscription with it: who is told yes must hear of whatever the file becomes.
    return this.subscribe(fileId, feeds, null);
  }

  async unsubscribe(fileId: string): Promise<void> {
    if (!this.#files.has(fileId)) return;
    this.deps.broadcaster.leave(fileId);
    await this.forget(fileId);
  }

  /** Ends the subscription to a file that nobody can follow any more. */
  async forget(fileId: string): Promise<void> {
    if (!this.#files.delete(fileId)) return;
    this.deps.metrics.subscriptions.dec();
    // Both at once: whoever subscribes again meanwhile must not be taken out of the second room afterwards.
    await Promise.all(FEEDS.map((feed) => this.socket.leave(roomOf(feed, fileId))));
  }

  /** Takes a new token, and ends the subscriptions that it does not allow. As `Session.refresh`. */
  async refresh(token: string): Promise<string | null> {
    const expiresAt = await this.#session.refresh(token);
    await this.recheck();
    return expiresAt;
  }

  /** The token has run out: ends all of them, and says why. */
  expired(): void {
    for (const fileId of [...this.#files]) this.#dismiss(fileId, 'token_expired');
  }

  /** Whether it depends on the file's owner that the socket listens to it. */
  dependsOnOwner(fileId: string): boolean {
    return this.#files.has(fileId) && this.#session.dependsOnOwner(fileId);
  }

  /** Ends the subscriptions that are not allowed any more, and says so. Never rejects. */
  async recheck(fileIds: Iterable<string> = this.#files): Promise<void> {
    await Promise.all([...fileIds].map((fileId) => this.#recheck(fileId)));
  }

  async #recheck(fileId: string): Promise<void> {
    try {
      await this.#session.check(fileId);
    } catch (error) {
      if (isRefusal(error)) this.#dismiss(fileId, 'forbidden');
      // Nobody can tell: then nothing is shown, and whoever comes back is asked anew.
      else {
        this.end();
        this.socket.conn.close();
      }
    }
  }

  #dismiss(fileId: string, code: string): void {
    if (!this.#files.has(fileId)) return;
    // The rooms are left at once: no event follows the last one.
    void this.unsubscribe(fileId);
    this.socket.emit('unsubscribed', { fileId, code });
  }

  /** Ends all of them, for good. */
  end(): void {
    this.#ended = true;
    this.#session.end();
    for (const fileId of this.#files) void this.unsubscribe(fileId);
  }

  async #add(fileId: string): Promise<void> {
    const { broadcaster, metrics, maxSubscriptions } = this.deps;
    if (this.#files.size >= maxSubscriptions) {
      throw new Fault('too_many_subscriptions', `a socket may subscribe to ${maxSubscriptions} files`);
    }
    this.#files.add(fileId);
    metrics.subscriptions.inc();
    try {
      await broadcaster.join(fileId);
    } catch (error) {
      await this.forget(fileId);
      throw error;
    }
    // The socket may have gone while its file's feed was being followed.
    if (this.#ended) {
      await this.unsubscribe(fileId);
      throw new Fault('unavailable', 'the connection has ended');
    }
  }
}

const isRefusal = (error: unknown): boolean =>
  error instanceof Fault && (error.code === 'forbidden' || error.code === 'unauthorized');
