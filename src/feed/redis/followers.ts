import type { FeedEvent, Follower } from '../feed.js';

/** The followers of one file on this gateway. */
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

  /** Whoever leaves meanwhile is not told, nor is whoever comes; one follower's failure is not the others'. */
  #each(tell: (follower: Follower) => void): void {
    for (const follower of [...this.#followers]) {
      if (!this.#followers.has(follower)) continue;
      try {
        tell(follower);
      } catch (error) {
        this.warn(`a follower failed: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
}
