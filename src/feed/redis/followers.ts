/** The followers of one file on this gateway. One follower's failure does not reach the others. */
import type { FeedEvent, Follower } from '../feed.js';

export class Followers {
  readonly #followers = new Set<Follower>();

  constructor(private readonly warn: (message: string) => void) {}

  add(follower: Follower): void {
    this.#followers.add(follower);
  }

  /** True: that was the last one. */
  delete(follower: Follower): boolean {
    return this.#followers.delete(follower) && this.#followers.size === 0;
  }

  event({ feed, revision, payload }: FeedEvent): void {
    this.#each((follower) => follower.event({ feed, revision, payload }));
  }

  removed(): void {
    this.#each((follower) => follower.removed());
  }

  /** Followers that are added during the loop are not called any more, nor are those that were deleted. */
  #each(notify: (follower: Follower) => void): void {
    for (const follower of [...this.#followers]) {
      if (!this.#followers.has(follower)) continue;
      try {
        notify(follower);
      } catch (error) {
        this.warn(`a follower failed: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
}
